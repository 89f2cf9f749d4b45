package recent

// fifo is a first-in-first-out queue in one slice.
type fifo[T any] struct {
	items []T
	head  int  // index of the front item
	keep  bool // keep the slice when the queue becomes empty
}

func (q *fifo[T]) len() int  { return len(q.items) - q.head }
func (q *fifo[T]) front() *T { return &q.items[q.head] }
func (q *fifo[T]) all() []T  { return q.items[q.head:] }

func (q *fifo[T]) push(v T) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/4 { // reuse the space of removed items
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *fifo[T]) pop() {
	var zero T
	q.items[q.head] = zero
	if q.head++; q.head == len(q.items) {
		if q.items, q.head = q.items[:0], 0; !q.keep {
			q.items = nil
		}
	}
}
