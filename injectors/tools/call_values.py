"""Return values of kernel functions that fail, with their sources in the kernel. Linux 6.12; see docs/fault-models.md.

Names are the symbols that modules import: since 6.10 allocations are macros around functions `..._noprof`.
Sources without a path below Documentation/ are kernel-doc comments, or the return statements, in that file.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass

NULL = FALSE = NOTHING = 0
DMA_MAPPING_ERROR = -1  # ~(dma_addr_t)0
PCIBIOS_DEVICE_NOT_FOUND = 0x86
NOT_COPIED = 1  # byte; the function returns how many are left
ERESTARTSYS = 512  # of the kernel itself: include/linux/errno.h

ENOMEM, EINVAL, EIO, EBUSY, EEXIST = -errno.ENOMEM, -errno.EINVAL, -errno.EIO, -errno.EBUSY, -errno.EEXIST
EINTR, EAGAIN, ENOSPC, EFAULT = -errno.EINTR, -errno.EAGAIN, -errno.ENOSPC, -errno.EFAULT
EPIPE, ECONNRESET, ENOBUFS = -errno.EPIPE, -errno.ECONNRESET, -errno.ENOBUFS


@dataclass(frozen=True, slots=True)
class Failure:
    """A function's failure: its return values (-ENOMEM for a pointer's ERR_PTR(-ENOMEM)), and their source."""

    values: tuple[int, ...]
    source: str


GROUPS: tuple[tuple[str, tuple[int, ...], str], ...] = (
    (
        "__kmalloc_noprof __kmalloc_node_noprof __kmalloc_cache_noprof __kmalloc_cache_node_noprof "
        "__kmalloc_large_noprof __kmalloc_large_node_noprof kmem_cache_alloc_noprof kmem_cache_alloc_node_noprof "
        "krealloc_noprof kmemdup_noprof __kvmalloc_node_noprof kvrealloc_noprof vmalloc_noprof __vmalloc_noprof "
        "vzalloc_noprof vmalloc_user_noprof get_free_pages_noprof get_zeroed_page_noprof alloc_pages_noprof "
        "__alloc_pages_noprof alloc_pages_exact_noprof pcpu_alloc_noprof devm_kmalloc",
        (NULL,),
        "Documentation/core-api/memory-allocation.rst",
    ),
    ("kstrdup kstrndup kasprintf", (NULL,), "mm/util.c, lib/kasprintf.c"),
    ("memdup_user strndup_user", (ENOMEM, EFAULT), "mm/util.c"),
    (
        "__alloc_skb __netdev_alloc_skb napi_alloc_skb build_skb napi_build_skb skb_clone skb_copy __pskb_copy_fclone "
        "skb_copy_expand skb_realloc_headroom __pskb_pull_tail",
        (NULL,),
        "net/core/skbuff.c",
    ),
    ("pskb_expand_head", (ENOMEM,), "net/core/skbuff.c"),
    ("alloc_etherdev_mqs devm_alloc_etherdev_mqs alloc_netdev_mqs", (NULL,), "net/core/dev.c, net/ethernet/eth.c"),
    ("register_netdev register_netdevice", (EEXIST, ENOMEM), "net/core/dev.c"),
    ("generic_mii_ioctl", (-errno.EOPNOTSUPP, EINVAL), "drivers/net/mii.c"),
    ("mii_ethtool_set_link_ksettings mii_nway_restart", (EINVAL,), "drivers/net/mii.c"),
    ("dma_map_page_attrs", (DMA_MAPPING_ERROR,), "Documentation/core-api/dma-api.rst, dma_mapping_error()"),
    ("dma_map_sg_attrs", (NOTHING,), "Documentation/core-api/dma-api.rst, dma_map_sg()"),
    ("dma_map_sgtable", (EINVAL, EIO, ENOMEM), "kernel/dma/mapping.c"),
    (
        "dma_alloc_attrs dmam_alloc_attrs dma_pool_alloc dma_pool_create",
        (NULL,),
        "Documentation/core-api/dma-api.rst",
    ),
    ("dma_set_mask dma_set_coherent_mask", (EIO,), "Documentation/core-api/dma-api.rst; kernel/dma/mapping.c"),
    ("ioremap ioremap_wc memremap devm_ioremap", (NULL,), "Documentation/driver-api/device-io.rst; kernel/iomem.c"),
    ("pci_iomap pcim_iomap", (NULL,), "lib/pci_iomap.c"),
    ("pci_enable_device pcim_enable_device pci_enable_device_mem", (EINVAL, EIO), "Documentation/PCI/pci.rst"),
    ("pci_request_regions pci_request_region pci_request_selected_regions", (EBUSY,), "drivers/pci/pci.c"),
    ("pci_set_mwi", (EINVAL,), "drivers/pci/pci.c"),
    ("pci_set_power_state", (EINVAL, EIO), "drivers/pci/pci.c"),
    ("pci_enable_wake", (EINVAL,), "drivers/pci/pci.c"),
    (
        "pci_read_config_byte pci_read_config_word pci_read_config_dword pci_write_config_byte pci_write_config_word "
        "pci_write_config_dword",
        (PCIBIOS_DEVICE_NOT_FOUND,),
        "drivers/pci/access.c; include/linux/pci.h",
    ),
    ("pci_alloc_irq_vectors pci_alloc_irq_vectors_affinity", (ENOSPC,), "Documentation/PCI/msi-howto.rst"),
    ("request_threaded_irq devm_request_threaded_irq", (EBUSY, ENOMEM, EINVAL), "kernel/irq/manage.c"),
    ("sock_sendmsg kernel_sendmsg", (EPIPE, ECONNRESET, ENOMEM, ENOBUFS, EINTR), "net/socket.c; send(2)"),
    ("sock_recvmsg kernel_recvmsg", (NOTHING, ECONNRESET, ENOMEM, EINTR), "net/socket.c; recv(2)"),
    ("sock_create_kern", (ENOMEM, -errno.EAFNOSUPPORT), "net/socket.c; socket(2)"),
    ("kernel_connect", (-errno.ECONNREFUSED, -errno.ETIMEDOUT), "net/socket.c; connect(2)"),
    ("kernel_bind kernel_listen", (-errno.EADDRINUSE,), "net/socket.c; bind(2), listen(2)"),
    ("kernel_accept", (EAGAIN, -errno.ECONNABORTED), "net/socket.c; accept(2)"),
    ("kernel_sock_shutdown", (-errno.ENOTCONN,), "net/socket.c; shutdown(2)"),
    ("sockfd_lookup", (NULL,), "net/socket.c"),
    ("__blk_mq_alloc_disk __blk_alloc_disk", (ENOMEM,), "block/blk-mq.c, block/genhd.c (ERR_PTR)"),
    ("blk_mq_alloc_tag_set", (ENOMEM, EINVAL), "block/blk-mq.c"),
    ("blk_mq_alloc_request", (-errno.EWOULDBLOCK, -errno.EIO), "block/blk-mq.c (ERR_PTR)"),
    ("device_add_disk", (ENOMEM, EINVAL), "block/genhd.c"),
    ("__register_blkdev", (EBUSY, ENOMEM), "block/genhd.c"),
    ("queue_limits_commit_update", (EINVAL,), "block/blk-settings.c"),
    ("bio_alloc_bioset", (NULL,), "block/bio.c"),
    ("alloc_workqueue", (NULL,), "include/linux/workqueue.h"),
    ("kthread_create_on_node", (ENOMEM, EINTR), "kernel/kthread.c (ERR_PTR)"),
    ("try_module_get", (FALSE,), "include/linux/module.h"),
    ("debugfs_create_dir debugfs_create_file", (ENOMEM, EEXIST), "fs/debugfs/inode.c (ERR_PTR)"),
    ("proc_create proc_create_data proc_mkdir", (NULL,), "fs/proc/generic.c"),
    ("single_open seq_open", (ENOMEM,), "fs/seq_file.c"),
    ("idr_alloc idr_alloc_cyclic ida_alloc_range", (ENOMEM, ENOSPC), "lib/idr.c"),
    ("idr_find xa_load", (NULL,), "lib/idr.c, lib/xarray.c"),
    ("__xa_alloc", (ENOMEM, EBUSY), "lib/xarray.c"),
    ("xa_store", (ENOMEM << 2 | 2,), "lib/xarray.c; include/linux/xarray.h, xa_is_err()"),
    ("nla_put", (-errno.EMSGSIZE,), "lib/nlattr.c"),
    ("__nla_parse", (EINVAL, -errno.ERANGE), "include/net/netlink.h; lib/nlattr.c"),
    ("nla_strdup", (NULL,), "lib/nlattr.c"),
    ("genlmsg_put", (NULL,), "net/netlink/genetlink.c"),
    ("genl_register_family", (EEXIST, ENOMEM), "net/netlink/genetlink.c"),
    ("netlink_unicast", (-errno.ECONNREFUSED, EAGAIN), "net/netlink/af_netlink.c"),
    ("netlink_broadcast_filtered", (-errno.ESRCH, ENOBUFS), "net/netlink/af_netlink.c"),
    ("device_create_file sysfs_create_file_ns sysfs_create_group", (EEXIST, ENOMEM), "fs/sysfs/file.c, group.c"),
    ("device_create class_create", (ENOMEM, EEXIST), "drivers/base/core.c, class.c (ERR_PTR)"),
    ("device_add device_register class_register", (ENOMEM, EEXIST), "drivers/base/core.c, class.c"),
    ("kobject_init_and_add", (ENOMEM, EEXIST), "lib/kobject.c"),
    ("cdev_add", (ENOMEM, EBUSY), "fs/char_dev.c"),
    ("alloc_chrdev_region register_chrdev_region __register_chrdev", (EBUSY, ENOMEM), "fs/char_dev.c"),
    ("misc_register", (EBUSY, ENOMEM), "drivers/char/misc.c"),
    ("__uio_register_device", (ENOMEM, EINVAL), "drivers/uio/uio.c"),
    ("_copy_from_user _copy_to_user", (NOT_COPIED,), "Documentation/kernel-hacking/hacking.rst"),
    ("_copy_from_iter _copy_to_iter copy_page_from_iter copy_page_to_iter", (NOTHING,), "lib/iov_iter.c"),
    ("strncpy_from_user", (EFAULT,), "lib/strncpy_from_user.c"),
    (
        "get_user_pages_fast pin_user_pages_fast",
        (EFAULT, ENOMEM),
        "mm/gup.c",
    ),
    ("mutex_lock_interruptible mutex_lock_killable", (EINTR,), "kernel/locking/mutex.c"),
    ("mutex_trylock", (FALSE,), "kernel/locking/mutex.c"),
    ("down_interruptible", (EINTR,), "kernel/locking/semaphore.c"),
    ("wait_for_completion_interruptible wait_for_completion_killable", (-ERESTARTSYS,), "kernel/sched/completion.c"),
    ("wait_for_completion_timeout", (NOTHING,), "kernel/sched/completion.c"),
    ("wait_for_completion_interruptible_timeout", (NOTHING, -ERESTARTSYS), "kernel/sched/completion.c"),
    ("request_firmware", (-errno.ENOENT, ENOMEM), "drivers/base/firmware_loader/main.c"),
    ("anon_inode_getfd get_unused_fd_flags", (-errno.EMFILE, ENOMEM), "fs/anon_inodes.c, fs/file.c"),
    ("eventfd_ctx_fdget", (-errno.EBADF, EINVAL), "fs/eventfd.c (ERR_PTR)"),
    ("filp_open", (-errno.ENOENT, -errno.EACCES), "fs/open.c (ERR_PTR); open(2)"),
    ("kernel_read", (EIO,), "fs/read_write.c; read(2)"),
    ("kernel_write", (EIO, ENOSPC), "fs/read_write.c; write(2)"),
    ("platform_get_irq", (-errno.ENXIO,), "drivers/base/platform.c"),
    ("platform_device_register_full", (ENOMEM,), "drivers/base/platform.c (ERR_PTR)"),
    ("usb_alloc_urb usb_alloc_coherent", (NULL,), "drivers/usb/core/urb.c, usb.c"),
    ("usb_submit_urb", (ENOMEM, -errno.ENODEV, EPIPE), "Documentation/driver-api/usb/error-codes.rst"),
    (
        "usb_control_msg usb_bulk_msg",
        (-errno.ETIMEDOUT, EPIPE, -errno.ENODEV),
        "Documentation/driver-api/usb/error-codes.rst; drivers/usb/core/message.c",
    ),
)

FAILURES: Mapping[str, Failure] = {
    name: Failure(values, source) for names, values, source in GROUPS for name in names.split()
}
"""Function -> how it fails."""
