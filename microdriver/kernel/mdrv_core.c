// SPDX-License-Identifier: GPL-2.0
/*
 * microdriver - the kernel's half of the runtime: instances and sessions
 *
 * An instance is a device of a k-driver, and a character device
 * /dev/microdriver/NAME. A session is a u-driver that has opened it; when the
 * file is closed, which the kernel does for a process that dies, the session is
 * over, at once and whatever state the process was in.
 */
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mdrv_internal.h"

bool mdrv_whole;
module_param_named(whole, mdrv_whole, bool, 0444);
MODULE_PARM_DESC(whole, "copy whole objects at every crossing, not the fields that matter");

static struct dentry *debug_root;

/* ---- the chain ---- */

bool mdrv_hold(struct mdrv_instance *md)
{
	if (md->owner == current)
		return false;
	mutex_lock(&md->busy);
	md->owner = current;
	return true;
}

void mdrv_let_go(struct mdrv_instance *md, bool took)
{
	if (!took)
		return;
	md->owner = NULL;
	mutex_unlock(&md->busy);
	wake_up(&md->kernel_waits);
	if (atomic_read(&md->asking))
		wake_up(&md->user_waits);
}

/* ---- sessions ---- */

static void drop_messages(struct mdrv_instance *md)
{
	int n;

	mdrv_drop_all(&md->to_user);
	mdrv_drop_all(&md->to_kernel);
	md->waiting = 0;
	for (n = 0; n < 2; n++) {
		kfree(md->late[n]);
		md->late[n] = NULL;
	}
}

/* A u-driver is gone, or broke the contract; nothing happens if it is not the one that is attached. */
void mdrv_expel(struct mdrv_instance *md, u32 session)
{
	bool was_there;

	spin_lock(&md->lock);
	was_there = session && md->session == session;
	if (was_there) {
		md->session = 0;
		drop_messages(md);
	}
	spin_unlock(&md->lock);
	if (!was_there)
		return;
	wake_up_all(&md->user_waits);
	wake_up_all(&md->kernel_waits);
	queue_work(system_unbound_wq, &md->left);
}

/* An expelled u-driver may run on, and must not reach the device any more. */
static void unmap(struct mdrv_instance *md)
{
	mutex_lock(&md->map_lock);
	if (md->mapping)
		unmap_mapping_range(md->mapping, 0, 0, 1);
	mutex_unlock(&md->map_lock);
}

static void on_left(struct work_struct *work)
{
	struct mdrv_instance *md = container_of(work, struct mdrv_instance, left);
	bool took;

	unmap(md);
	took = mdrv_hold(md); /* its last upcall has come to its end */
	mdrv_locks_release(md);
	mdrv_let_go(md, took);
	if (md->ops->left)
		md->ops->left(md);
}

static void on_joined(struct work_struct *work)
{
	struct mdrv_instance *md = container_of(work, struct mdrv_instance, joined);

	if (md->ops->joined)
		md->ops->joined(md);
}

static void mdrv_release(struct kref *refs)
{
	kfree(container_of(refs, struct mdrv_instance, refs));
}

void mdrv_put(struct mdrv_instance *md)
{
	kref_put(&md->refs, mdrv_release);
}

static struct mdrv_instance *instance_of(struct miscdevice *misc)
{
	return container_of(misc, struct mdrv_instance, misc);
}

static int session_open(struct inode *inode, struct file *file)
{
	struct mdrv_instance *md = instance_of(file->private_data);
	struct mdrv_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	kref_get(&md->refs);
	session->md = md;
	session->pid = get_pid(task_tgid(current));
	file->private_data = session;
	return 0;
}

static void forget_asked(struct mdrv_session *session, struct mdrv_parcel *ask)
{
	if (!ask)
		return;
	atomic_dec(&session->md->asking);
	kfree(ask);
}

static int session_release(struct inode *inode, struct file *file)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_instance *md = session->md;

	mdrv_expel(md, session->number);
	mutex_lock(&md->map_lock);
	if (md->mapping == file->f_mapping)
		md->mapping = NULL;
	mutex_unlock(&md->map_lock);
	forget_asked(session, session->asked);
	put_pid(session->pid);
	kfree(session);
	mdrv_put(md);
	return 0;
}

static int join(struct mdrv_session *session)
{
	struct mdrv_instance *md = session->md;
	int err = 0;

	spin_lock(&md->lock);
	if (session->number || md->closed)
		err = -ESTALE;
	else if (md->session)
		err = -EBUSY;
	if (!err) {
		session->number = ++md->sessions;
		md->session = session->number;
		md->pid = session->pid;
	}
	spin_unlock(&md->lock);
	return err;
}

static long attach(struct file *file, struct mdrv_attach __user *user)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_instance *md = session->md;
	struct mdrv_attach ask;
	int err, n;

	if (copy_from_user(&ask, user, sizeof(ask)))
		return -EFAULT;
	if (ask.digest != md->digest)
		return -EPROTO;
	ask.whole = mdrv_whole;
	for (n = 0; n < MDRV_MAPS; n++)
		ask.offsets[n] = offset_in_page(md->maps[n].at);
	if (copy_to_user(user, &ask, sizeof(ask)))
		return -EFAULT;
	flush_work(&md->left); /* what a predecessor held is free */
	err = join(session);
	if (err)
		return err;
	mutex_lock(&md->map_lock);
	md->mapping = file->f_mapping;
	mutex_unlock(&md->map_lock);
	wake_up_all(&md->kernel_waits);
	queue_work(system_unbound_wq, &md->joined);
	return 0;
}

static bool attached(const struct mdrv_session *session)
{
	return session->number && READ_ONCE(session->md->session) == session->number;
}

static struct mdrv_parcel *receive(struct mdrv_message __user *user)
{
	struct mdrv_parcel *parcel;

	parcel = kmalloc(sizeof(*parcel), GFP_KERNEL);
	if (!parcel)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(&parcel->message, user, MDRV_HEAD))
		goto err_fault;
	if (parcel->message.kind == MDRV_NOTHING) {
		kfree(parcel);
		return NULL;
	}
	if (parcel->message.bytes > MDRV_PAYLOAD ||
	    (parcel->message.kind != MDRV_RETURN && parcel->message.kind != MDRV_DOWNCALL)) {
		kfree(parcel);
		return ERR_PTR(-EPROTO);
	}
	if (!copy_from_user(parcel->message.payload, user->payload, parcel->message.bytes))
		return parcel;
err_fault:
	kfree(parcel);
	return ERR_PTR(-EFAULT);
}

static long deliver(struct mdrv_parcel *parcel, struct mdrv_message __user *user)
{
	size_t bytes = MDRV_HEAD + parcel->message.bytes;
	long err = copy_to_user(user, &parcel->message, bytes) ? -EFAULT : 0;

	kfree(parcel);
	return err;
}

/*
 * A downcall that belongs to no upcall runs in the u-driver's own thread, when no chain of calls is under way: until
 * then the u-driver, which waits, serves what comes.
 */
static int ask_outside(struct mdrv_session *session, struct mdrv_parcel *ask)
{
	mdrv_crossing(session->md, &ask->message);
	if (cmpxchg(&session->asked, NULL, ask)) {
		kfree(ask);
		return -EBUSY;
	}
	atomic_inc(&session->md->asking);
	return 0;
}

/* Context: md->busy held */
static struct mdrv_parcel *serve_outside(struct mdrv_session *session,
					 const struct mdrv_message *ask)
{
	struct mdrv_parcel *answer = mdrv_parcel_new(MDRV_RESULT, ask->call, 0);
	int err = -ESTALE;

	if (!answer)
		return ERR_PTR(-ENOMEM);
	answer->message.turn = ask->turn;
	if (attached(session)) {
		mdrv_meet(session->md, session->number);
		err = mdrv_serve(session->md, ask, &answer->message);
	}
	if (!err)
		return answer;
	kfree(answer);
	return ERR_PTR(err);
}

/* Return: the answer to what was asked; NULL: there is none yet */
static struct mdrv_parcel *answer_outside(struct mdrv_session *session)
{
	struct mdrv_instance *md = session->md;
	struct mdrv_parcel *ask, *answer;

	if (!READ_ONCE(session->asked) || !mutex_trylock(&md->busy))
		return NULL;
	md->owner = current;
	ask = xchg(&session->asked, NULL);
	answer = ask ? serve_outside(session, &ask->message) : NULL;
	forget_asked(session, ask);
	mdrv_let_go(md, true);
	if (!IS_ERR_OR_NULL(answer))
		mdrv_crossing(md, &answer->message);
	return answer;
}

static int hear(struct mdrv_session *session, struct mdrv_parcel *parcel)
{
	if (parcel->message.kind == MDRV_DOWNCALL && !parcel->message.seq)
		return ask_outside(session, parcel);
	return mdrv_hear(session, parcel);
}

static bool has_news(struct mdrv_session *session)
{
	struct mdrv_instance *md = session->md;

	return !attached(session) || !list_empty(&md->to_user) ||
	       (READ_ONCE(session->asked) && !mutex_is_locked(&md->busy));
}

static long exchange(struct file *file, struct mdrv_message __user *user)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_instance *md = session->md;
	struct mdrv_parcel *parcel = receive(user);
	long err;

	if (IS_ERR(parcel))
		return PTR_ERR(parcel);
	if (!attached(session)) {
		kfree(parcel);
		return -ESTALE;
	}
	/* a signal may make the process come again, with nothing more to say */
	if (put_user(MDRV_NOTHING, &user->kind)) {
		kfree(parcel);
		return -EFAULT;
	}
	err = parcel ? hear(session, parcel) : 0;
	while (!err) {
		if (!attached(session))
			return -ESTALE;
		parcel = mdrv_take_first(md, &md->to_user) ?: answer_outside(session);
		if (IS_ERR(parcel))
			return PTR_ERR(parcel);
		if (parcel)
			return deliver(parcel, user);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(md->user_waits, has_news(session));
	}
	return err;
}

static long serve_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	switch (command) {
	case MDRV_IOC_ATTACH:
		return attach(file, (struct mdrv_attach __user *)arg);
	case MDRV_IOC_EXCHANGE:
		return exchange(file, (struct mdrv_message __user *)arg);
	default:
		return -ENOTTY;
	}
}

/* mdrv_destroy() waits for those inside: the contract and what the k-driver does are the k-driver's. */
static long session_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_instance *md = session->md;
	long err;

	atomic_inc(&md->inside);
	smp_mb__after_atomic(); /* who comes behind mdrv_destroy() sees that the session is over */
	err = serve_ioctl(file, command, arg);
	if (atomic_dec_and_test(&md->inside))
		wake_up_all(&md->kernel_waits);
	return err;
}

static __poll_t session_poll(struct file *file, poll_table *table)
{
	struct mdrv_session *session = file->private_data;

	poll_wait(file, &session->md->user_waits, table);
	return has_news(session) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* The u-driver maps the n-th registered region at offset n * MDRV_MAP_STRIDE. */
static int session_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mdrv_session *session = file->private_data;
	const unsigned long stride = MDRV_MAP_STRIDE >> PAGE_SHIFT;
	unsigned long index = vma->vm_pgoff / stride;
	const struct mdrv_map *map;

	if (index >= MDRV_MAPS || vma->vm_pgoff % stride || !attached(session))
		return -EINVAL;
	map = &session->md->maps[index];
	if (!map->bytes)
		return -ENXIO;
	vma->vm_pgoff = 0;
	if (map->dev)
		return dma_mmap_coherent(map->dev, vma, map->cpu, map->at, map->bytes);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return vm_iomap_memory(vma, map->at, map->bytes);
}

static const struct file_operations session_fops = {
	.owner = THIS_MODULE,
	.open = session_open,
	.release = session_release,
	.unlocked_ioctl = session_ioctl,
	.poll = session_poll,
	.mmap = session_mmap,
};

static ssize_t hold_ms_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%u\n", READ_ONCE(instance_of(dev_get_drvdata(dev))->hold_ms));
}

static ssize_t hold_ms_store(struct device *dev, struct device_attribute *attribute,
			     const char *text, size_t bytes)
{
	unsigned int hold_ms;
	int err = kstrtouint(text, 0, &hold_ms);

	if (err)
		return err;
	mdrv_set_hold(instance_of(dev_get_drvdata(dev)), hold_ms);
	return bytes;
}
static DEVICE_ATTR_RW(hold_ms);

static struct attribute *mdrv_attrs[] = { &dev_attr_hold_ms.attr, NULL };
ATTRIBUTE_GROUPS(mdrv);

static int map_add(struct mdrv_instance *md, unsigned int index, struct mdrv_map map)
{
	if (index >= MDRV_MAPS || md->maps[index].bytes)
		return -EINVAL;
	md->maps[index] = map;
	return 0;
}

int mdrv_map_registers(struct mdrv_instance *md, unsigned int index, phys_addr_t at, size_t bytes)
{
	return map_add(md, index, (struct mdrv_map){ .at = at, .bytes = bytes });
}
EXPORT_SYMBOL_GPL(mdrv_map_registers);

int mdrv_map_coherent(struct mdrv_instance *md, unsigned int index, struct device *dev, void *cpu,
		      dma_addr_t dma, size_t bytes)
{
	return map_add(md, index,
		       (struct mdrv_map){ .dev = dev, .cpu = cpu, .at = dma, .bytes = bytes });
}
EXPORT_SYMBOL_GPL(mdrv_map_coherent);

/* ---- instances ---- */

static int counts_show(struct seq_file *file, void *unused)
{
	struct mdrv_instance *md = file->private;

	seq_printf(file, "crossings %lld\nbytes %lld\nstale %lld\nrejected %lld\n",
		   atomic64_read(&md->counts.crossings), atomic64_read(&md->counts.bytes),
		   atomic64_read(&md->counts.stale), atomic64_read(&md->counts.rejected));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counts);

struct mdrv_instance *mdrv_create(const char *name, const struct mdrv_contract *contract,
				  const struct mdrv_ops *ops, void *priv)
{
	struct mdrv_instance *md = kzalloc(sizeof(*md), GFP_KERNEL);
	int err;

	if (!md)
		return ERR_PTR(-ENOMEM);
	kref_init(&md->refs);
	mutex_init(&md->busy);
	mutex_init(&md->map_lock);
	spin_lock_init(&md->lock);
	init_waitqueue_head(&md->user_waits);
	init_waitqueue_head(&md->kernel_waits);
	INIT_LIST_HEAD(&md->to_user);
	INIT_LIST_HEAD(&md->to_kernel);
	INIT_LIST_HEAD(&md->objects);
	INIT_LIST_HEAD(&md->gone);
	INIT_LIST_HEAD(&md->undo);
	INIT_WORK(&md->left, on_left);
	INIT_WORK(&md->joined, on_joined);
	strscpy(md->name, name, sizeof(md->name));
	snprintf(md->miscname, sizeof(md->miscname), "microdriver-%s", md->name);
	snprintf(md->nodename, sizeof(md->nodename), "microdriver/%s", md->name);
	md->contract = contract;
	md->digest = mdrv_digest(contract);
	md->ops = ops;
	md->priv = priv;
	md->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = md->miscname,
		.nodename = md->nodename,
		.fops = &session_fops,
		.groups = mdrv_groups,
		.mode = 0600,
	};
	err = misc_register(&md->misc);
	if (err) {
		mdrv_put(md);
		return ERR_PTR(err);
	}
	md->debug = debugfs_create_file(md->name, 0400, debug_root, md, &counts_fops);
	return md;
}
EXPORT_SYMBOL_GPL(mdrv_create);

void mdrv_destroy(struct mdrv_instance *md)
{
	bool took;

	debugfs_remove(md->debug);
	misc_deregister(&md->misc);
	mdrv_set_hold(md, 0);
	spin_lock(&md->lock);
	md->closed = true;
	spin_unlock(&md->lock);
	mdrv_expel(md, md->session);
	wait_event(md->kernel_waits, !atomic_read(&md->inside));
	cancel_work_sync(&md->joined);
	flush_work(&md->left);
	mdrv_undo_all(md);
	took = mdrv_hold(md);
	mdrv_unshare_all(md);
	mdrv_let_go(md, took);
	mdrv_put(md);
}
EXPORT_SYMBOL_GPL(mdrv_destroy);

void *mdrv_priv(const struct mdrv_instance *md)
{
	return md->priv;
}
EXPORT_SYMBOL_GPL(mdrv_priv);

void mdrv_set_hold(struct mdrv_instance *md, unsigned int hold_ms)
{
	WRITE_ONCE(md->hold_ms, hold_ms);
	wake_up_all(&md->kernel_waits);
}
EXPORT_SYMBOL_GPL(mdrv_set_hold);

static int __init mdrv_init(void)
{
	int err = mdrv_fault_init();

	if (err)
		return err;
	debug_root = debugfs_create_dir("microdriver", NULL);
	return 0;
}
module_init(mdrv_init);

static void __exit mdrv_exit(void)
{
	debugfs_remove(debug_root);
	mdrv_fault_exit();
}
module_exit(mdrv_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Runtime of drivers that are split into a kernel module and a process");
