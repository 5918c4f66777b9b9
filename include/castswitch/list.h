/* Intrusive doubly linked list.
 *
 * A list head is a struct list that points at itself when empty.  A node may be removed twice: list_remove()
 * re-initialises it, so list_is_linked() tells whether it is in a list.  Nothing is allocated.
 */
#ifndef CASTSWITCH_LIST_H
#define CASTSWITCH_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

/* The object of type 'type' whose member 'member' is at 'ptr'. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void
list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool
list_is_linked(const struct list *node)
{
	return node->next != node;
}

static inline void
list_insert_before(struct list *pos, struct list *node)
{
	node->prev = pos->prev;
	node->next = pos;
	pos->prev->next = node;
	pos->prev = node;
}

static inline void
list_push_back(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

static inline void
list_push_front(struct list *head, struct list *node)
{
	list_insert_before(head->next, node);
}

static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, or NULL. */
static inline struct list *
list_first(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

/* Visits each object of a list; the body may not remove 'var'. */
#define LIST_EACH(var, head, type, member)                                                             \
	for (type *var = container_of((head)->next, type, member); &var->member != (head);             \
	     var = container_of(var->member.next, type, member))

/* As LIST_EACH, but the body may remove and free 'var'. */
#define LIST_EACH_SAFE(var, tmp, head, type, member)                                                   \
	for (type *var = container_of((head)->next, type, member),                                     \
		  *tmp = container_of(var->member.next, type, member);                                 \
	     &var->member != (head); var = tmp, tmp = container_of(tmp->member.next, type, member))

#endif
