package mailbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// A journal is lines of a checksum and a JSON object. It is only ever appended to; a last line that
// is torn was never acted upon.
//
//	run     what is done: mailbox, script, options        } once, at the start
//	names   the messages, as they were when it began      }
//	do      a message and the steps that change it: on disk before the first of them is done
//	failed  one of the steps could not be done, and the rest were left
//	at      everything before this message is done
//	end     the run is over
//	undone  it was taken back
type record struct {
	Kind  string          `json:"t"`
	Run   *Head           `json:"run,omitempty"`
	Names []octets        `json:"names,omitempty"`
	Index int             `json:"i,omitempty"`
	Steps []step          `json:"steps,omitempty"`
	Extra json.RawMessage `json:"extra,omitempty"`
	Error string          `json:"error,omitempty"`
	Swaps []swap          `json:"swaps,omitempty"`
	Count int             `json:"count,omitempty"` // messages that the swaps change
}

// Head says what a run is.
type Head struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Began   time.Time `json:"began"`
	Mailbox string    `json:"mailbox"` // absolute path
	Count   int       `json:"count"`   // messages
	// What is the caller's: script, options. A run is gone on with if it is the same.
	What string `json:"what"`
	// Note is the caller's, too; it is not compared.
	Note json.RawMessage `json:"note,omitempty"`
}

// octets is a file's name, which may be any octets. In JSON what is no printable ASCII, and
// the per cent sign, are escaped as in a URL.
type octets string

// MarshalJSON escapes the octets.
func (o octets) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(o)+2)
	b = append(b, '"')
	for i := range len(o) {
		switch c := o[i]; {
		case c <= ' ' || c >= 0x7f, c == '%', c == '"', c == '\\':
			b = fmt.Appendf(b, "%%%02X", c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"'), nil
}

// UnmarshalJSON undoes MarshalJSON.
func (o *octets) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return errors.New("a % without two digits")
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return err
		}
		b.WriteByte(byte(c))
		i += 2
	}
	*o = octets(b.String())
	return nil
}

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// journal is an open journal.
type journal struct {
	f   *os.File
	buf bytes.Buffer
}

// createJournal makes a journal; there may not be one.
func createJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &journal{f: f}, nil
}

// continueJournal opens a journal to be appended to, behind the records that are whole.
func continueJournal(path string, whole int64) (*journal, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(whole); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{f: f}, nil
}

// add puts a record behind the others, in memory.
func (j *journal) add(r record) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	fmt.Fprintf(&j.buf, "%08x ", crc32.Checksum(raw, crcTable))
	j.buf.Write(raw)
	j.buf.WriteByte('\n')
	return nil
}

// write writes what was added; with sync it is on disk then.
func (j *journal) write(sync bool) error {
	if j.buf.Len() > 0 {
		if _, err := j.f.Write(j.buf.Bytes()); err != nil {
			return err
		}
		j.buf.Reset()
	}
	if sync {
		return j.f.Sync()
	}
	return nil
}

// Close closes the file.
func (j *journal) Close() error { return j.f.Close() }

// maxRecord bounds one line of a journal.
const maxRecord = 64 << 20

// readJournal calls each with the records of a journal, up to one that is torn, and returns how
// many octets the whole ones have.
func readJournal(path string, each func(record) error) (whole int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	torn := false
	for {
		line, err := readLine(r)
		if err == io.EOF {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		rec, ok := parseRecord(line)
		if torn && ok {
			return whole, fmt.Errorf("the journal is damaged at octet %d", whole)
		}
		if torn = torn || !ok; torn {
			continue // a crash may leave octets that were never written
		}
		if whole == 0 && (rec.Kind != "run" || rec.Run == nil || rec.Run.Version != journalVersion) {
			return 0, errors.New("this is no journal of sluice filter, or one of another version")
		}
		if err := each(rec); err != nil {
			return whole, err
		}
		whole += int64(len(line))
	}
}

// parseRecord reads a line and says whether it is whole.
func parseRecord(line []byte) (rec record, ok bool) {
	sum, raw, ok := bytes.Cut(line[:len(line)-1], []byte{' '})
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || uint32(want) != crc32.Checksum(raw, crcTable) {
		return rec, false
	}
	return rec, json.Unmarshal(raw, &rec) == nil
}

const journalVersion = 1

// readLine returns a line with its end; a last one that has none is io.EOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxRecord:
			return nil, errors.New("the journal has a line without end")
		}
	}
}
