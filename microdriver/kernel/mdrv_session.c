// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions: a u-driver that has opened the instance's character device.
 *
 * The kernel closes the files of a process that dies, so that its session ends
 * at once, whatever state the process was in.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "mdrv_internal.h"

static bool mdrv_is_attached(const struct mdrv_session *session)
{
	u32 number = READ_ONCE(session->number);

	return number && READ_ONCE(session->md->session) == number;
}

/* ---- beginning and end ---- */

void mdrv_session_left(struct work_struct *work)
{
	struct mdrv_instance *md = container_of(work, struct mdrv_instance, left);

	mdrv_chain_lock(md); /* its last upcall has ended */
	mdrv_locks_release(md, READ_ONCE(md->session));
	mdrv_gate_release(md, READ_ONCE(md->session));
	mdrv_chain_unlock(md);
	if (md->ops->left)
		md->ops->left(md);
	spin_lock(&md->lock);
	WRITE_ONCE(md->leaving, false);
	spin_unlock(&md->lock);
	wake_up_all(&md->kernel_waits);
}

void mdrv_session_joined(struct work_struct *work)
{
	struct mdrv_instance *md = container_of(work, struct mdrv_instance, joined);

	if (md->ops->joined)
		md->ops->joined(md);
}

static int mdrv_session_open(struct inode *inode, struct file *file)
{
	struct mdrv_instance *md = container_of(file->private_data, struct mdrv_instance, misc);
	struct mdrv_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	kref_get(&md->refs);
	session->md = md;
	session->pid = get_pid(task_tgid(current));
	session->mapping = file->f_mapping;
	file->private_data = session;
	return 0;
}

static void mdrv_ask_free(struct mdrv_session *session, struct mdrv_parcel *ask)
{
	if (!ask)
		return;
	atomic_dec(&session->md->asking);
	kvfree(ask);
}

static int mdrv_session_release(struct inode *inode, struct file *file)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_instance *md = session->md;

	mdrv_expel(md, session->number);
	mutex_lock(&md->map_lock);
	if (md->mapped == session)
		md->mapped = NULL;
	mutex_unlock(&md->map_lock);
	mdrv_ask_free(session, session->asked);
	put_pid(session->pid);
	kfree(session);
	mdrv_put(md);
	return 0;
}

/* Return: 0, -ESTALE, -EBUSY (another u-driver is attached), -EAGAIN (one is leaving) */
static int mdrv_session_join(struct mdrv_session *session) __must_hold(&session->md->map_lock)
{
	struct mdrv_instance *md = session->md;
	int err = 0;

	lockdep_assert_held(&md->map_lock);
	spin_lock(&md->lock);
	if (session->number || md->closed)
		err = -ESTALE;
	else if (md->session)
		err = -EBUSY;
	else if (md->leaving)
		err = -EAGAIN;
	if (!err) {
		WRITE_ONCE(session->number, ++md->sessions);
		WRITE_ONCE(md->session, session->number);
		md->pid = session->pid;
		WRITE_ONCE(md->room, session->room);
		md->mapped = session;
	}
	spin_unlock(&md->lock);
	return err;
}

/* Attach when the predecessor has left: what it held is free, and the k-driver knows. */
static int mdrv_session_succeed(struct mdrv_session *session)
{
	struct mdrv_instance *md = session->md;
	int err;

	do {
		if (wait_event_killable(md->kernel_waits, !READ_ONCE(md->leaving)))
			return -EINTR;
		mutex_lock(&md->map_lock);
		err = mdrv_session_join(session);
		mutex_unlock(&md->map_lock);
	} while (err == -EAGAIN);
	return err;
}

static long mdrv_session_attach(struct mdrv_session *session, struct mdrv_attach __user *user)
{
	struct mdrv_instance *md = session->md;
	struct mdrv_attach ask;
	int err, n;

	if (copy_from_user(&ask, user, sizeof(ask)))
		return -EFAULT;
	if (ask.digest != md->digest || ask.room > MDRV_LARGEST)
		return -EPROTO;
	session->room = max_t(u32, ask.room, MDRV_PAYLOAD);
	ask.whole = mdrv_whole;
	for (n = 0; n < MDRV_MAPS; n++)
		ask.offsets[n] = offset_in_page(md->maps[n].at);
	ask.jiffies = get_jiffies_64();
	ask.ns = ktime_get_ns();
	if (copy_to_user(user, &ask, sizeof(ask)))
		return -EFAULT;
	err = mdrv_session_succeed(session);
	if (err)
		return err;
	current->flags |= PF_NOFREEZE; /* devices are suspended after processes */
	wake_up_all(&md->kernel_waits);
	queue_work(system_unbound_wq, &md->joined);
	return 0;
}

/* ---- messages ---- */

/* Return: a parcel; NULL: the u-driver says nothing; an error */
static struct mdrv_parcel *mdrv_message_receive(const struct mdrv_session *session,
						struct mdrv_message __user *user)
{
	struct mdrv_message head;
	struct mdrv_parcel *parcel;

	if (copy_from_user(&head, user, MDRV_HEAD))
		return ERR_PTR(-EFAULT);
	if (head.kind == MDRV_NOTHING)
		return NULL;
	if (head.bytes > session->room || (head.kind != MDRV_RETURN && head.kind != MDRV_DOWNCALL))
		return ERR_PTR(-EPROTO);
	parcel = mdrv_parcel_of(max_t(u32, head.bytes, MDRV_PAYLOAD));
	if (!parcel)
		return ERR_PTR(-ENOMEM);
	memcpy(&parcel->message, &head, MDRV_HEAD);
	if (!copy_from_user(parcel->message.payload, user->payload, head.bytes))
		return parcel;
	kvfree(parcel);
	return ERR_PTR(-EFAULT);
}

static long mdrv_message_deliver(struct mdrv_parcel *parcel, struct mdrv_message __user *user)
{
	size_t bytes = MDRV_HEAD + parcel->message.bytes;
	long err = copy_to_user(user, &parcel->message, bytes) ? -EFAULT : 0;

	kvfree(parcel);
	return err;
}

/*
 * Keep a downcall that belongs to no upcall. The u-driver's own thread runs it
 * when no chain of calls is under way; until then it serves upcalls.
 */
static int mdrv_ask_keep(struct mdrv_session *session, struct mdrv_parcel *ask)
{
	mdrv_cross(session->md, &ask->message);
	/* counted first: whoever frees the chain then looks for an ask */
	atomic_inc(&session->md->asking);
	if (cmpxchg(&session->asked, NULL, ask)) {
		mdrv_ask_free(session, ask);
		return -EBUSY;
	}
	return 0;
}

static struct mdrv_parcel *mdrv_ask_serve(struct mdrv_session *session,
					  const struct mdrv_message *ask)
	__must_hold(&session->md->busy)
{
	struct mdrv_parcel *answer = mdrv_parcel_new(MDRV_RESULT, ask->call, 0);
	int err = -ESTALE;

	lockdep_assert_held(&session->md->busy);
	if (!answer)
		return ERR_PTR(-ENOMEM);
	answer->message.turn = ask->turn;
	if (mdrv_is_attached(session)) {
		mdrv_begin_session(session->md, session->number);
		err = mdrv_serve(session->md, ask, &answer);
		mdrv_unshare_lent(session->md);
	}
	if (!err)
		return answer;
	kvfree(answer);
	return ERR_PTR(err);
}

/* Return: the answer to the downcall that was kept; NULL: there is none yet; an error */
static struct mdrv_parcel *mdrv_ask_answer(struct mdrv_session *session)
{
	struct mdrv_instance *md = session->md;
	struct mdrv_parcel *ask, *answer;

	if (!READ_ONCE(session->asked) || !mdrv_chain_trylock(md))
		return NULL;
	ask = xchg(&session->asked, NULL);
	answer = ask ? mdrv_ask_serve(session, &ask->message) : NULL;
	mdrv_ask_free(session, ask);
	mdrv_chain_unlock(md);
	if (!IS_ERR_OR_NULL(answer))
		mdrv_cross(md, &answer->message);
	return answer;
}

static int mdrv_message_arrived(struct mdrv_session *session, struct mdrv_parcel *parcel)
{
	if (parcel->message.kind == MDRV_DOWNCALL && !parcel->message.seq)
		return mdrv_ask_keep(session, parcel);
	return mdrv_answer_arrived(session, parcel);
}

static bool mdrv_session_has_news(struct mdrv_session *session)
{
	struct mdrv_instance *md = session->md;

	return !mdrv_is_attached(session) || !list_empty(&md->to_user) ||
	       (READ_ONCE(session->asked) && !mutex_is_locked(&md->busy));
}

/* Wait for the next message to the u-driver, and deliver it. */
static long mdrv_message_next(struct mdrv_session *session, struct mdrv_message __user *user,
			      bool may_wait)
{
	struct mdrv_instance *md = session->md;
	struct mdrv_parcel *parcel;
	long err = 0;

	while (!err) {
		if (!mdrv_is_attached(session))
			return -ESTALE;
		parcel = mdrv_parcel_take(md, &md->to_user) ?: mdrv_ask_answer(session);
		if (IS_ERR(parcel))
			return PTR_ERR(parcel);
		if (parcel)
			return mdrv_message_deliver(parcel, user);
		if (!may_wait)
			return -EAGAIN;
		err = wait_event_interruptible(md->user_waits, mdrv_session_has_news(session));
	}
	return err;
}

static long mdrv_session_exchange(struct mdrv_session *session, struct mdrv_message __user *user,
				  bool may_wait)
{
	struct mdrv_parcel *parcel = mdrv_message_receive(session, user);
	long err;

	if (IS_ERR(parcel))
		return PTR_ERR(parcel);
	if (!mdrv_is_attached(session)) {
		kvfree(parcel);
		return -ESTALE;
	}
	/* after a signal the process comes again, and must not say the same twice */
	if (put_user(MDRV_NOTHING, &user->kind)) {
		kvfree(parcel);
		return -EFAULT;
	}
	err = parcel ? mdrv_message_arrived(session, parcel) : 0;
	return err ?: mdrv_message_next(session, user, may_wait);
}

static long mdrv_session_command(struct file *file, unsigned int command, void __user *user)
{
	switch (command) {
	case MDRV_IOC_ATTACH:
		return mdrv_session_attach(file->private_data, user);
	case MDRV_IOC_EXCHANGE:
		return mdrv_session_exchange(file->private_data, user,
					     !(file->f_flags & O_NONBLOCK));
	default:
		return -ENOTTY;
	}
}

/* mdrv_destroy() waits for the calls inside, which use the k-driver's contract and functions. */
static long mdrv_session_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_instance *md = session->md;
	long err;

	atomic_inc(&md->inside);
	/* pairs with mdrv_destroy(): either it waits for us, or we see that the session is over */
	smp_mb__after_atomic();
	err = mdrv_session_command(file, command, (void __user *)arg);
	if (atomic_dec_and_test(&md->inside))
		wake_up_all(&md->kernel_waits);
	return err;
}

static __poll_t mdrv_session_poll(struct file *file, poll_table *table)
{
	struct mdrv_session *session = file->private_data;

	poll_wait(file, &session->md->user_waits, table);
	return mdrv_session_has_news(session) ? EPOLLIN | EPOLLRDNORM : 0;
}

/* ---- registers and memory ---- */

#define MAP_STRIDE_PAGES (MDRV_MAP_STRIDE >> PAGE_SHIFT)

/* What lies at an offset of the file. */
struct mdrv_mapping {
	unsigned long pages; /* that may be mapped; 0: nothing lies there */
	unsigned long pfn; /* of the page */
	bool cached;
};

static unsigned long mdrv_pages_of(unsigned long offset, u64 bytes)
{
	return bytes ? PFN_UP(offset + bytes) : 0;
}

static struct mdrv_mapping mdrv_mapping_at(const struct mdrv_session *session, pgoff_t page)
	__must_hold(&session->md->map_lock)
{
	pgoff_t index = page / MAP_STRIDE_PAGES, within = page % MAP_STRIDE_PAGES;
	const struct mdrv_memory *memory;
	const struct mdrv_map *map;

	lockdep_assert_held(&session->md->map_lock);
	if (index < MDRV_MAPS) {
		map = &session->md->maps[array_index_nospec(index, MDRV_MAPS)];
		return (struct mdrv_mapping){
			.pages = mdrv_pages_of(offset_in_page(map->at), map->bytes),
			.pfn = PHYS_PFN(map->at) + within,
		};
	}
	index -= MDRV_MAPS;
	memory = index < MDRV_NO_SLOT ? mdrv_memory_mapped(session->md, index) : NULL;
	if (!memory || within >= mdrv_pages_of(offset_in_page(memory->at), memory->bytes))
		return (struct mdrv_mapping){};
	return (struct mdrv_mapping){
		.pages = mdrv_pages_of(offset_in_page(memory->at), memory->bytes),
		.pfn = mdrv_memory_pfn(memory, within),
		.cached = !memory->registers,
	};
}

/*
 * Map a page, unless the session is over. A session ends, and its pages go, under
 * map_lock; faults come only once the area is linked to the file, so that its
 * pages are found. No page outlives its session.
 */
static vm_fault_t mdrv_session_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	const struct mdrv_session *session = vma->vm_file->private_data;
	vm_fault_t fate = VM_FAULT_SIGBUS;
	struct mdrv_mapping mapping;

	mutex_lock(&session->md->map_lock);
	mapping = mdrv_mapping_at(session, vmf->pgoff);
	if (mapping.pages && mdrv_is_attached(session))
		fate = vmf_insert_pfn(vma, vmf->address, mapping.pfn);
	mutex_unlock(&session->md->map_lock);
	return fate;
}

static const struct vm_operations_struct mdrv_session_vm_ops = { .fault = mdrv_session_fault };

/*
 * The u-driver maps the n-th registered region at offset n * MDRV_MAP_STRIDE, and a
 * memory object at that of its slot, behind those.
 */
static int mdrv_session_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mdrv_session *session = file->private_data;
	struct mdrv_mapping mapping;

	if (vma->vm_pgoff % MAP_STRIDE_PAGES || !(vma->vm_flags & VM_SHARED) ||
	    !mdrv_is_attached(session))
		return -EINVAL;
	mutex_lock(&session->md->map_lock);
	mapping = mdrv_mapping_at(session, vma->vm_pgoff);
	mutex_unlock(&session->md->map_lock);
	if (!mapping.pages)
		return -ENXIO;
	if (vma_pages(vma) > mapping.pages)
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!mapping.cached)
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_ops = &mdrv_session_vm_ops;
	return 0;
}

const struct file_operations mdrv_session_fops = {
	.owner = THIS_MODULE,
	.open = mdrv_session_open,
	.release = mdrv_session_release,
	.unlocked_ioctl = mdrv_session_ioctl,
	.poll = mdrv_session_poll,
	.mmap = mdrv_session_mmap,
};
