package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// line is a connection for requests. It does what a client has to and no more:
// it shares the cores with the server, and net/http's own client takes longer
// to ask than the server to refuse.
type line struct {
	net.Conn
	in *bufio.Reader
}

// dial makes the n-th line. Lines come from many addresses: one has too few
// ports for as many connections as are made in a minute.
func dial(ctx context.Context, address string, n int) (*line, error) {
	conn, err := from(fmt.Sprintf("127.0.1.%d", n%200+1)).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &line{conn, bufio.NewReader(conn)}, nil
}

// ask sends the text of a request and reads the answer.
func (l *line) ask(text []byte, until time.Time) (r reply) {
	if r.err = l.SetDeadline(until); r.err != nil {
		return r
	}
	if _, r.err = l.Write(text); r.err != nil {
		return r
	}
	length, err := l.head(&r)
	if err != nil {
		r.err = err
		return r
	}
	body := make([]byte, length)
	_, r.err = io.ReadFull(l.in, body)
	r.body = string(body)
	return r
}

var errNoLength = errors.New("an answer without a length")

// head reads an answer up to its body, whose length it gives, and keeps
// Retry-After.
func (l *line) head(r *reply) (length int, err error) {
	length = -1
	for row := 0; ; row++ {
		text, err := l.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		text = bytes.TrimSpace(text)
		name, value, _ := bytes.Cut(text, []byte(": "))
		switch {
		case row == 0:
			if r.status, err = statusOf(text); err != nil {
				return 0, err
			}
		case len(text) == 0 && length < 0:
			return 0, errNoLength
		case len(text) == 0:
			return length, nil
		case string(name) == "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case string(name) == "Retry-After":
			r.header = http.Header{"Retry-After": {string(value)}}
		}
	}
}

// statusOf reads "HTTP/1.1 201 Created".
func statusOf(text []byte) (int, error) {
	_, rest, _ := bytes.Cut(text, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	return strconv.Atoi(string(code))
}

// text is the request as it is sent.
func (c call) text(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", c.method, c.path, host)
	for name, value := range c.header {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(c.body), c.body)
	return b.Bytes()
}
