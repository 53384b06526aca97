package mail

// WithHeader returns the message with another header, which ends with its empty line. The two are
// joined when somebody first asks for what stands behind the header; until then nothing is copied.
// Neither header nor the octets of m may be changed from now on.
func (m *Message) WithHeader(header []byte) *Message {
	size := int64(len(header)) + m.Size() - int64(len(m.Header().Raw()))
	return NewLazy(header, size, func() []byte {
		body := m.Body()
		return append(append(make([]byte, 0, len(header)+len(body)), header...), body...)
	})
}
