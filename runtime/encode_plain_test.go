package runtime

import (
	"testing"

	"pgregory.net/rapid"
)

func TestWhatIsDecodedWithoutADecoderIsWhatTheDecoderSays(t *testing.T) {
	for h := range 256 { // every first octet, with every length that could fit
		for n := range 40 {
			b := make([]byte, n+1)
			b[0] = byte(h)
			if n > 0 {
				b[1] = byte(n - 1)
			}
			samePlain(t, b)
		}
	}
	rapid.Check(t, func(t *rapid.T) { samePlain(t, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "row")) })
	for _, v := range []Value{nil, true, false, int64(0), int64(23), int64(24), "", "a", "\xff", string(make([]byte, 255)), string(make([]byte, 256))} {
		b, err := EncodeValue(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeValue(b); err != nil || !Equal(got, v) {
			t.Errorf("%#v came back as %#v, %v", v, got, err)
		}
		samePlain(t, b)
	}
}

func samePlain(t rapid.TB, b []byte) {
	got, ok := plainValue(b)
	if !ok {
		return
	}
	var want Value
	if err := decMode.Unmarshal(b, &want); err != nil || !Equal(got, want) {
		t.Fatalf("%x: %#v, the decoder says %#v, %v", b, got, want, err)
	}
}
