// Package types holds what the generated bindings are written in: WIT's option, result and tuple.
package types

// The tags of the canonical ABI.
const (
	OptionNone = 0
	OptionSome = 1
	ResultOk   = 0
	ResultErr  = 1
)

// Unit is the payload of a result that has none.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Option is a value or none.
type Option[T any] struct {
	value *T
}

// Some is a value.
func Some[T any](value T) Option[T] { return Option[T]{&value} }

// None is none.
func None[T any]() Option[T] { return Option[T]{} }

// Tag is OptionSome or OptionNone.
func (o Option[T]) Tag() uint8 {
	if o.value == nil {
		return OptionNone
	}
	return OptionSome
}

// Some is the value; that there is one is for the caller to know.
func (o Option[T]) Some() T { return *o.value }

// IsNone says whether there is no value.
func (o Option[T]) IsNone() bool { return o.value == nil }

// Or is the value, or fallback where there is none.
func (o Option[T]) Or(fallback T) T {
	if o.value == nil {
		return fallback
	}
	return *o.value
}

// Result is what came of something, or why nothing did.
type Result[T, E any] struct {
	ok  *T
	err *E
}

// Ok is a success.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{ok: &value} }

// Err is a failure.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{err: &err} }

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 {
	if r.ok == nil {
		return ResultErr
	}
	return ResultOk
}

// Ok is the value of a success; that it is one is for the caller to know.
func (r Result[T, E]) Ok() T { return *r.ok }

// Err is the reason of a failure; that it is one is for the caller to know.
func (r Result[T, E]) Err() E { return *r.err }

// IsErr says whether it failed.
func (r Result[T, E]) IsErr() bool { return r.ok == nil }
