package web

import "context"

// closingKey is the key of the context that ends when the server shuts down.
type closingKey struct{}

// answerContext returns the context of a handler.
func answerContext(ctx context.Context, stream bool) (context.Context, context.CancelFunc) {
	if !stream {
		return context.WithTimeout(ctx, answerTimeout)
	}
	ctx, cancel := context.WithCancel(ctx)
	if closing, ok := ctx.Value(closingKey{}).(context.Context); ok {
		stop := context.AfterFunc(closing, cancel)
		return ctx, func() { stop(); cancel() }
	}
	return ctx, cancel
}
