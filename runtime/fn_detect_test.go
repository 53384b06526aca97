package runtime

import (
	"bytes"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSizesOfImages(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 300, 7), palette.WebSafe)
	for format, encode := range map[string]func(io.Writer) error{
		"gif":  func(w io.Writer) error { return gif.Encode(w, img, nil) },
		"jpeg": func(w io.Writer) error { return jpeg.Encode(w, img, nil) },
		"png":  func(w io.Writer) error { return png.Encode(w, img) },
		"webp": func(w io.Writer) error {
			_, err := io.WriteString(w, "RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x2b\x01\x00\x06\x00\x00")
			return err
		},
	} {
		t.Run(format, func(t *testing.T) {
			var b bytes.Buffer
			if err := encode(&b); err != nil {
				t.Fatal(err)
			}
			v, err := Lookup("img_metadata").Call(nil, Args{b.Bytes(), nil})
			want := map[string]Value{"type": format, "width": int64(300), "height": int64(7), "area": int64(2100), "dimension": int64(307)}
			if err != nil || !Equal(v, want) {
				t.Errorf("%v %s", err, cmp.Diff(want, v))
			}
			if name, err := Lookup("detect_file_type").Call(nil, Args{b.Bytes(), "mime"}); err != nil || name != "image/"+format {
				t.Error(name, err)
			}
		})
	}
	for name, head := range map[string]string{
		"lossy":    "RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x30\x01\x00\x9d\x01\x2a\x2c\x01\x07\x40",
		"lossless": "RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f\x2b\x81\x01\x00\x00\x00\x00\x00\x00",
	} {
		if format, width, height, ok := imageSize([]byte(head)); !ok || format != "webp" || width != 300 || height != 7 {
			t.Errorf("%s is %s of %d by %d", name, format, width, height)
		}
	}
}

func TestLanguagesOfOddTexts(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no UTF-8", "\xff\xfe\xfd", ""},
		{"nothing", "", ""},
		{"a long text cut in a letter", "x" + strings.Repeat("ё", maxLanguage), language(strings.Repeat("ё", 100), "639-1")},
		{"a script of one language", "Καλημέρα σας", "el"},
		{"Korean", "안녕하세요", "ko"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := language(tt.text, "639-1"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzDetect checks that nothing panics, and that an answer does not depend on chance.
func FuzzDetect(f *testing.F) {
	for _, s := range []string{"", "GIF89a\x03\x00\x02\x00\x00\x00\x00", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "\xff\xd8\xff\xe0\x00\x10JFIF", "RIFF....WEBPVP8 ", "PK\x03\x04", "%PDF-1.7", "{\"a\": [1]}", "a,b\nc,d", "the quick brown fox", "être ou ne pas être"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, call := range []struct {
			name string
			args Args
		}{{"img_metadata", Args{b, nil}}, {"detect_file_type", Args{b, "ext"}}, {"detect_file_type", Args{b, "mime"}}, {"detect_language", Args{string(b), "639-3"}}} {
			first, err := Lookup(call.name).Call(nil, call.args)
			if err != nil {
				t.Fatal(call.name, err)
			}
			if again, err := Lookup(call.name).Call(nil, call.args); err != nil || !Equal(first, again) {
				t.Fatalf("%s is %v, then %v, %v", call.name, first, again, err)
			}
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	text := strings.Repeat("Nous avons le plaisir de vous annoncer que votre commande est prête. ", 30)
	for name, args := range map[string]Args{"detect_language": {text, "639-1"}, "detect_file_type": {text, "mime"}, "img_metadata": {"GIF89a\x03\x00\x02\x00\x00\x00\x00", nil}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Lookup(name).Call(nil, args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
