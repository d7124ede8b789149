package webhook

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"keyrack/internal/safedial"
)

// reason says why a try failed, in words that may be shown to whoever made the
// webhook: no address a name resolved to, nothing the receiver wrote. Empty
// where it did not fail.
func (r reply) reason() string {
	switch {
	case r.status == 0:
		return reasonOf(r.err)
	case r.status >= 300 && r.status < 400:
		return fmt.Sprintf("status %d: redirects are not followed", r.status)
	case r.status == http.StatusGone:
		return "status 410: the receiver is gone, the webhook is switched off"
	case r.status < 200 || r.status > 299:
		return fmt.Sprintf("status %d", r.status)
	case r.err != nil:
		return reasonOf(r.err)
	}
	return ""
}

func reasonOf(err error) string {
	return cmp.Or(ourReason(err), nameReason(err), tlsReason(err), connectionReason(err), "no valid reply")
}

func ourReason(err error) string {
	switch {
	case errors.Is(err, errUnsent):
		return errUnsent.Error()
	case errors.Is(err, errTooLong):
		return errTooLong.Error()
	case errors.Is(err, safedial.ErrRefused):
		return "the receiver's address or port is not allowed"
	}
	return ""
}

func nameReason(err error) string {
	e, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return ""
	case e.IsNotFound:
		return "the host name has no address"
	case e.IsTimeout:
		return "the host name could not be looked up in time"
	}
	return "the host name could not be looked up"
}

func tlsReason(err error) string {
	if reason := certificateReason(err); reason != "" {
		return reason
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	alert := isOp && (op.Op == "remote error" || op.Op == "local error") // crypto/tls calls alerts so
	if record || alert || errors.Is(err, http.ErrSchemeMismatch) {
		return "TLS could not be agreed on"
	}
	return ""
}

func certificateReason(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate is from an unknown authority"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "the certificate has expired or is not valid yet"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate is not valid"
	}
	return ""
}

func connectionReason(err error) string {
	netErr, isNet := errors.AsType[net.Error](err)
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case isNet && netErr.Timeout() && isOp && op.Op == "dial":
		return "no connection in time"
	case isNet && netErr.Timeout():
		return "no reply in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the host cannot be reached"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut"
	}
	return ""
}
