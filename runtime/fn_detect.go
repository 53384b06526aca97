package runtime

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif" // the formats of img_metadata, beside WebP
	_ "image/jpeg"
	_ "image/png"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/abadojack/whatlanggo"
	"github.com/gabriel-vasile/mimetype"
)

// What is looked at of content.
const (
	maxLanguage = 16 << 10 // octets of text
	maxFileHead = 3 << 10  // octets of a file
	maxImage    = 1 << 20  // octets of an image, whose size stands near its start
)

func init() {
	register(Function{
		Name:   "detect_language",
		Family: "text",
		Doc: "Returns the code of the language a text is written in, by its script and the frequency of its letters; `\"\"` if that is unsure, as it is for short texts. " +
			"The first 16 KiB are looked at.",
		Params: []Param{textParam, {Name: "code", Kind: String, Optional: true, Default: "639-1", Doc: "`639-1` for two letters (`en`), or `\"\"` for a language that has no such code; `639-3` for three (`eng`)"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `detect_language("The quick brown fox jumps over the lazy dog, and nobody was surprised by what happened then.")`, Want: `"en"`},
			{Code: `detect_language("Wir freuen uns sehr, dass Sie sich für unsere neue Ausstellung interessieren, die im Mai beginnt.")`, Want: `"de"`},
			{Code: `detect_language("Nous avons le plaisir de vous annoncer que votre commande est maintenant prête à être expédiée.", "639-3")`, Want: `"fra"`},
			{Code: `detect_language("Сегодня в городе было очень холодно, поэтому мы решили остаться дома и читать книги.")`, Want: `"ru"`},
			{Code: `detect_language("こんにちは、お元気ですか")`, Want: `"ja"`}, {Code: `detect_language("ok")`, Want: `""`}, {Code: `detect_language("12345")`, Want: `""`},
			{Code: `detect_language("x", "eng")`, Error: `detect_language: unknown code "eng"; known are 639-1, 639-3`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			code := a.String(1)
			if code != "639-1" && code != "639-3" {
				return nil, fmt.Errorf("detect_language: unknown code %q; known are 639-1, 639-3", cut(code, 40))
			}
			return language(a.String(0), code), nil
		},
	})
	register(Function{
		Name:   "detect_file_type",
		Family: "text",
		Doc: "Returns what content is by its first 3 KiB, whatever its name says: a media type without parameters (`mime`), or the usual ending of its files without the dot (`ext`). " +
			"What is not known is `application/octet-stream` with the ending `\"\"`; of nothing both are `\"\"`.",
		Params: []Param{{Name: "octets", Kind: Any, Doc: "bytes, or text for its octets"}, {Name: "form", Kind: String, Optional: true, Default: "mime", Doc: "`mime` or `ext`"}},
		Result: String, Trust: User,
		Examples: []Example{
			{Code: `detect_file_type("%PDF-1.7\n", "mime")`, Want: `"application/pdf"`}, {Code: `detect_file_type("%PDF-1.7\n", "ext")`, Want: `"pdf"`},
			{Code: `detect_file_type("GIF89a")`, Want: `"image/gif"`}, {Code: `detect_file_type("<!DOCTYPE html><p>x")`, Want: `"text/html"`},
			{Code: `detect_file_type("hello")`, Want: `"text/plain"`}, {Code: `detect_file_type("PK\u0003\u0004", "ext")`, Want: `"zip"`},
			{Code: `detect_file_type("", "ext")`, Want: `""`},
			{Code: `detect_file_type("x", "name")`, Error: `detect_file_type: unknown form "name"; known are mime, ext`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			form := a.String(1)
			if form != "mime" && form != "ext" {
				return nil, fmt.Errorf("detect_file_type: unknown form %q; known are mime, ext", cut(form, 40))
			}
			head, err := headOf("detect_file_type", a, maxFileHead)
			if err != nil || len(head) == 0 {
				return "", err
			}
			m := mimetype.Detect(head)
			if form == "ext" {
				return strings.TrimPrefix(m.Extension(), "."), nil
			}
			name, _, _ := strings.Cut(m.String(), ";")
			return name, nil
		},
	})
	register(Function{
		Name:   "img_metadata",
		Family: "text",
		Doc: "Returns what an image (GIF, JPEG, PNG or WebP) says of itself, without decoding it: its `type` (`gif`, `jpeg`, `png`, `webp`), `width` and `height` in pixels, `area` (their product) or `dimension` (their sum); " +
			"without a part all of these as a map. null if it is no such image. Its first MiB is looked at.",
		Params: []Param{{Name: "octets", Kind: Any, Doc: "bytes, or text for its octets"},
			{Name: "part", Kind: String, Optional: true, Doc: "`type`, `width`, `height`, `area` or `dimension`"}},
		Result: Any, Trust: User,
		Examples: []Example{
			{Code: `img_metadata("GIF89a\u0003\u0000\u0002\u0000\u0000\u0000\u0000", "width")`, Want: `3`},
			{Code: `img_metadata("GIF89a\u0003\u0000\u0002\u0000\u0000\u0000\u0000")`, Want: `{"type": "gif", "width": 3, "height": 2, "area": 6, "dimension": 5}`},
			{Code: `img_metadata("GIF89a\u0001\u0000\u0001\u0000\u0000\u0000\u0000", "area")`, Want: `1`},
			{Code: `img_metadata("no image", "type")`, Want: `null`}, {Code: `img_metadata("GIF89a", "type")`, Want: `null`},
			{Code: `img_metadata("x", "depth")`, Error: `img_metadata: unknown part "depth"; known are type, width, height, area, dimension`},
		},
		Call: func(_ *Env, a Args) (Value, error) {
			part, _ := a[1].(string)
			parts := []string{"type", "width", "height", "area", "dimension"}
			if a[1] != nil && !slices.Contains(parts, part) {
				return nil, fmt.Errorf("img_metadata: unknown part %q; known are %s", cut(part, 40), strings.Join(parts, ", "))
			}
			head, err := headOf("img_metadata", a, maxImage)
			if err != nil {
				return nil, err
			}
			format, width, height, ok := imageSize(head)
			if !ok {
				return nil, nil
			}
			all := map[string]Value{"type": format, "width": width, "height": height, "area": width * height, "dimension": width + height}
			if a[1] == nil {
				return all, nil
			}
			return all[part], nil
		},
	})
}

// headOf returns the first octets of argument 0, text or bytes.
func headOf(name string, a Args, most int) ([]byte, error) {
	switch v := a[0].(type) {
	case string:
		return []byte(v[:min(len(v), most)]), nil
	case []byte:
		return v[:min(len(v), most)], nil
	}
	k, _ := KindOf(a[0])
	return nil, fmt.Errorf("%s: argument 1 (octets): expected string or bytes, got %s", name, k)
}

// language returns the code of the language of a text, "" if unsure.
func language(s, code string) string {
	if len(s) > maxLanguage {
		s = s[:maxLanguage]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if len(s) > 0 && s[len(s)-1] >= utf8.RuneSelf {
			s = s[:len(s)-1]
		}
	}
	info := whatlanggo.Detect(strings.ToValidUTF8(s, " "))
	// Two languages that are equally near have no confidence; which of them came first is chance.
	if info.Lang < 0 || !info.IsReliable() {
		return ""
	}
	if code == "639-3" {
		return info.Lang.Iso6393()
	}
	return info.Lang.Iso6391()
}

// imageSize returns the format and size of an image. Sizes are below 2^32 each way, so that
// their product is an int.
func imageSize(head []byte) (format string, width, height int64, ok bool) {
	if width, height, ok = webpSize(head); ok {
		return "webp", width, height, true
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(head))
	if err != nil || c.Width < 0 || c.Height < 0 || int64(c.Width) > 1<<31 || int64(c.Height) > 1<<31 {
		return "", 0, 0, false
	}
	return format, int64(c.Width), int64(c.Height), true
}

// webpSize reads the size of a WebP image: lossy, lossless or extended.
//
// Spec: RFC 9649, section 2.
func webpSize(b []byte) (width, height int64, ok bool) {
	if len(b) < 30 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" {
		return 0, 0, false
	}
	le := func(i, n int) (v int64) {
		for j := range n {
			v |= int64(b[i+j]) << (8 * j)
		}
		return v
	}
	switch string(b[12:16]) {
	case "VP8 ":
		return le(26, 2) & 0x3fff, le(28, 2) & 0x3fff, b[23] == 0x9d && b[24] == 0x01 && b[25] == 0x2a
	case "VP8L":
		return le(21, 4)&0x3fff + 1, le(21, 4)>>14&0x3fff + 1, b[20] == 0x2f
	case "VP8X":
		return le(24, 3) + 1, le(27, 3) + 1, true
	}
	return 0, 0, false
}
