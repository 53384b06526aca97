package wire

import "strconv"

// Param is a parameter of a MIME field.
type Param struct{ Name, Value string }

// BodyPart is a part of a message as BODYSTRUCTURE tells it. Empty strings are fields
// that are not there.
//
// Spec: RFC 3501, section 7.4.2.
type BodyPart struct {
	Type, Subtype string // lower case
	Params        []Param
	ID            string
	Description   string
	Encoding      string // lower case; "" is 7bit
	Size          int64  // octets as transferred
	Lines         int64  // of text and message/rfc822

	MD5               string
	Disposition       string
	DispositionParams []Param
	Language          []string
	Location          string

	Parts    []*BodyPart // of a multipart
	Envelope *Envelope   // of a message/rfc822
	Body     *BodyPart   // of a message/rfc822
}

// AppendBody writes b to dst: BODYSTRUCTURE if extended, else BODY. Parts follow each
// other without a space, as the grammar has it and some clients insist.
func AppendBody(dst []byte, b *BodyPart, extended bool) []byte {
	dst = append(dst, '(')
	if len(b.Parts) > 0 {
		dst = b.appendMultipart(dst, extended)
	} else {
		dst = b.appendSingle(dst, extended)
	}
	return append(dst, ')')
}

// appendMultipart writes the inside of a multipart.
func (b *BodyPart) appendMultipart(dst []byte, extended bool) []byte {
	for _, p := range b.Parts {
		dst = AppendBody(dst, p, extended)
	}
	dst = append(dst, ' ')
	dst = AppendString(dst, b.Subtype)
	if !extended {
		return dst
	}
	dst = append(dst, ' ')
	dst = appendParams(dst, b.Params)
	return b.appendExtension(dst)
}

// appendSingle writes the inside of a part that holds no list of parts.
func (b *BodyPart) appendSingle(dst []byte, extended bool) []byte {
	encoding := b.Encoding
	if encoding == "" {
		encoding = "7bit"
	}
	dst = AppendString(dst, b.Type)
	dst = append(dst, ' ')
	dst = AppendString(dst, b.Subtype)
	dst = append(dst, ' ')
	dst = appendParams(dst, b.Params)
	dst = append(dst, ' ')
	dst = AppendNString(dst, b.ID, b.ID != "")
	dst = append(dst, ' ')
	dst = AppendNString(dst, b.Description, b.Description != "")
	dst = append(dst, ' ')
	dst = AppendString(dst, encoding)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, b.Size, 10)
	switch {
	case b.Envelope != nil && b.Body != nil:
		dst = append(dst, ' ')
		dst = AppendEnvelope(dst, b.Envelope)
		dst = append(dst, ' ')
		dst = AppendBody(dst, b.Body, extended)
		fallthrough
	case b.Type == "text":
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, b.Lines, 10)
	}
	if !extended {
		return dst
	}
	dst = append(dst, ' ')
	dst = AppendNString(dst, b.MD5, b.MD5 != "")
	return b.appendExtension(dst)
}

// appendExtension writes disposition, language and location, which both kinds share.
func (b *BodyPart) appendExtension(dst []byte) []byte {
	dst = append(dst, ' ')
	if b.Disposition == "" {
		dst = append(dst, "NIL"...)
	} else {
		dst = append(dst, '(')
		dst = AppendString(dst, b.Disposition)
		dst = append(dst, ' ')
		dst = appendParams(dst, b.DispositionParams)
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	switch len(b.Language) {
	case 0:
		dst = append(dst, "NIL"...)
	case 1:
		dst = AppendString(dst, b.Language[0])
	default:
		dst = append(dst, '(')
		for i, l := range b.Language {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = AppendString(dst, l)
		}
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	return AppendNString(dst, b.Location, b.Location != "")
}

// appendParams writes parameters, NIL if there are none.
func appendParams(dst []byte, params []Param) []byte {
	if len(params) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for i, p := range params {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = AppendString(dst, p.Name)
		dst = append(dst, ' ')
		dst = AppendString(dst, p.Value)
	}
	return append(dst, ')')
}
