package imapbridge

import (
	"strings"

	"github.com/sluice-mail/sluice/imapbridge/wire"
	"github.com/sluice-mail/sluice/mail"
)

// Describe returns a message's ENVELOPE, BODYSTRUCTURE and BODY in wire form. They are
// made once, when a message is filed, and kept in idmap.Email.
//
// Texts are the fields' own, encoded words and all; address groups are kept.
//
// Spec: RFC 3501, section 7.4.2.
func Describe(m *mail.Message) (envelope, bodyStructure, body []byte) {
	part := describePart(m.Root())
	return wire.AppendEnvelope(nil, describeEnvelope(m.Header())),
		wire.AppendBody(nil, part, true),
		wire.AppendBody(nil, part, false)
}

// describeEnvelope reads the fields of ENVELOPE.
func describeEnvelope(h *mail.Header) *wire.Envelope {
	return &wire.Envelope{
		Date:      fieldText(h, "Date"),
		Subject:   fieldText(h, "Subject"),
		From:      fieldAddresses(h, "From"),
		Sender:    fieldAddresses(h, "Sender"),
		ReplyTo:   fieldAddresses(h, "Reply-To"),
		To:        fieldAddresses(h, "To"),
		Cc:        fieldAddresses(h, "Cc"),
		Bcc:       fieldAddresses(h, "Bcc"),
		InReplyTo: fieldText(h, "In-Reply-To"),
		MessageID: fieldText(h, "Message-ID"),
	}
}

// fieldText returns the value of the first field of that name, nil if there is none.
func fieldText(h *mail.Header, name string) *string {
	values := h.Values(name)
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}

// fieldAddresses returns the addresses of all fields of that name, groups included.
func fieldAddresses(h *mail.Header, name string) []wire.Address {
	var out []wire.Address
	for _, value := range h.Values(name) {
		for _, e := range mail.ParseAddresses(value).Entries {
			switch e.Kind {
			case mail.EntryGroup:
				out = append(out, wire.Address{Mailbox: e.Name, Group: true})
			case mail.EntryGroupEnd:
				out = append(out, wire.Address{Group: true})
			default:
				out = append(out, wire.Address{Name: e.Name, Route: e.Route, Mailbox: e.Local, Host: e.Domain})
			}
		}
	}
	return out
}

// describePart reads a part and what is in it.
func describePart(p *mail.Part) *wire.BodyPart {
	out := &wire.BodyPart{
		Type:              p.Type,
		Subtype:           p.Subtype,
		Params:            describeParams(p.ParamList),
		ID:                p.ID,
		Description:       p.Description,
		Encoding:          p.Encoding,
		Size:              int64(len(p.Body())),
		Lines:             int64(p.Lines()),
		MD5:               p.MD5,
		Disposition:       p.Disposition,
		DispositionParams: describeParams(p.DispositionParamList),
		Language:          describeLanguage(p.Language),
		Location:          p.Location,
	}
	if out.Type == "text" && out.Subtype == "plain" && len(out.Params) == 0 {
		out.Params = []wire.Param{{Name: "charset", Value: "us-ascii"}} // RFC 2045, section 5.2
	}
	if p.Message != nil {
		out.Envelope = describeEnvelope(p.Message.Header())
		out.Body = describePart(p.Message.Root())
	}
	for _, child := range p.Parts {
		out.Parts = append(out.Parts, describePart(child))
	}
	return out
}

// describeParams turns parameters as they stand in the field into wire form.
func describeParams(list []mail.Param) []wire.Param {
	var out []wire.Param
	for _, p := range list {
		if p.Name != "" {
			out = append(out, wire.Param{Name: strings.ToLower(p.Name), Value: p.Value})
		}
	}
	return out
}

// describeLanguage parts the tags of Content-Language.
func describeLanguage(value string) []string {
	var out []string
	for tag := range strings.SplitSeq(value, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			out = append(out, tag)
		}
	}
	return out
}
