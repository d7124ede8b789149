package sshd

import (
	"reflect"

	"golang.org/x/crypto/ssh"
)

// drain frees the goroutines that golang.org/x/crypto/ssh (0.58.0) leaves
// behind when a connection ends while its client has sent more packets than
// anybody has read: the reading goroutine hands packets over through a channel
// of 16, and neither closing the connection nor its end stops it once it
// waits there. So a stranger who sends an invalid authentication request and
// 17 more packets at once makes every such server keep two goroutines and
// those packets for ever; TestPipelinedPacketsLeakNothing plays him.
//
// The library has no way to say that nobody will read any more. This looks for
// its channel by name and reads it empty; the connection must be closed. Where
// the library has changed so that the field is not found, drain does nothing
// and that test tells whether it is still needed.
//
// Before user authentication there is no value to look into; there, wire keeps
// the client from sending that much.
func drain(conn ssh.ConnMetadata) {
	v := reflect.ValueOf(conn)
	for _, field := range []string{"transport", "incoming"} {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return
		}
		v = v.FieldByName(field)
	}
	if v.Kind() != reflect.Chan || !v.CanAddr() {
		return
	}
	packets := reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
	for ok := true; ok; {
		_, ok = packets.Recv()
	}
}
