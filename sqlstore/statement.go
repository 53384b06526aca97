package sqlstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// dialect is how a kind of database writes what is no plain word.
type dialect struct {
	name       string
	quotes     string // characters that begin a quoted text or name and end it
	brackets   bool   // [name]
	backslash  bool   // in quotes, takes the next character's meaning
	dollar     bool   // $tag$ text $tag$, and $1
	hash       bool   // # comments
	nested     bool   // comments in comments
	spaced     bool   // -- begins a comment only before a blank
	named      bool   // :a, @a, $a, #a and ?1 would be placeholders
	executable bool   // /*! comments are code
	cr         bool   // a comment of -- ends at a CR, too
	// session are words, in upper case, of what changes the session of a connection.
	session []string
}

var (
	sqliteDialect   = dialect{name: "SQLite", quotes: "'\"`", brackets: true, named: true, session: []string{"TEMP"}}
	postgresDialect = dialect{name: "PostgreSQL", quotes: `'"`, dollar: true, nested: true, cr: true,
		session: []string{"SET_CONFIG", "ADVISORY", "TEMP", "SETSEED"}}
	mysqlDialect = dialect{name: "MySQL", quotes: "'\"`", backslash: true, hash: true, spaced: true, executable: true,
		session: []string{"@", "GET_LOCK", "TEMP"}}
)

// statement is one statement as it goes to the database.
type statement struct {
	text   string
	word   string // its first word, in upper case
	places int
	d      dialect
	file   bool // it has the word OUTFILE or DUMPFILE
	beside bool // EXPLAIN of what is refused by itself: SQLite does some of it as it compiles it
	// lasting says that it may leave something in its session: a setting, a lock, a variable, a
	// table. What it calls may, too, which nobody sees.
	lasting bool
}

// reading and writing are the first words of statements that may be asked for. Others change
// the connection or the server (SET, PRAGMA, ATTACH, BEGIN, COPY, CALL, LOAD and so on); explained
// are those among them that SQLite explains.
var (
	reading   = words("SELECT WITH VALUES TABLE SHOW DESCRIBE EXPLAIN")
	explained = words("PRAGMA ATTACH DETACH VACUUM REINDEX ANALYZE")
	writing   = words("INSERT UPDATE DELETE REPLACE MERGE TRUNCATE CREATE ALTER DROP")
)

// allowed says whether such a statement may be sent.
func (s statement) allowed(write bool) error {
	switch {
	case s.word == "":
		return errors.New("the statement is empty")
	case s.file:
		return errors.New("statements that write files are refused")
	case s.beside:
		return errors.New("EXPLAIN is for queries here")
	case reading[s.word], write && writing[s.word]:
		return nil
	case writing[s.word]:
		return fmt.Errorf("%w, and %s would change it", ErrReadOnly, s.word)
	}
	return fmt.Errorf("statements that begin with %.20q are refused", s.word)
}

// parse reads a statement as far as its words, quotes and comments.
func parse(text string, d dialect) (statement, error) {
	st := statement{d: d}
	if len(text) > MaxStatement {
		return st, fmt.Errorf("the statement is over %d octets", MaxStatement)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return st, errors.New("the statement holds a NUL")
	}
	s := scanner{in: text, d: d}
	for s.pos < len(s.in) {
		if err := s.step(&st); err != nil {
			return st, err
		}
	}
	st.text = strings.TrimSpace(text)
	if s.end > 0 {
		st.text = strings.TrimSpace(text[:s.end-1])
	}
	upper := strings.ToUpper(st.text)
	for _, word := range d.session {
		st.lasting = st.lasting || strings.Contains(upper, word)
	}
	switch {
	case s.numbered > 0: // $1 in place of ?
		st.places = s.numbered
	case d.dollar:
		st.text, st.places = s.translate(st.text), len(s.places)
	default:
		st.places = len(s.places)
	}
	return st, nil
}

// scanner goes over a statement.
type scanner struct {
	in       string
	d        dialect
	pos      int
	end      int   // behind the semicolon that ends the statement, 0 if there is none
	places   []int // where ? stand
	numbered int   // the highest of $1, $2
}

// step goes over a quoted text, a comment, a word or a character.
func (s *scanner) step(st *statement) error {
	rest, c := s.in[s.pos:], s.in[s.pos]
	comment, err := s.comment(rest)
	if comment > 0 || err != nil {
		s.pos += comment
		return err
	}
	if c == ' ' || c >= '\t' && c <= '\r' || c == ';' {
		s.pos++
		if c == ';' && s.end == 0 {
			s.end = s.pos
		}
		return nil
	}
	if s.end > 0 {
		return errors.New("one statement a call")
	}
	switch {
	case strings.IndexByte(s.d.quotes, c) >= 0:
		return s.quoted(c, s.d.backslash && c != '`')
	case c == '[' && s.d.brackets:
		return s.quoted(']', false)
	case c == '$' && s.d.dollar:
		return s.dollar(rest)
	case c == '?':
		s.places = append(s.places, s.pos)
		s.pos++
		if s.d.named && s.pos < len(s.in) && isDigit(s.in[s.pos]) {
			return errors.New("placeholders are written ? without a number")
		}
		return nil
	case s.d.named && (c == ':' || c == '@' || c == '$' || c == '#'):
		return errors.New("placeholders are written ?")
	case isWord(c):
		n := 1
		for n < len(rest) && (isWord(rest[n]) || rest[n] == '$') {
			n++
		}
		s.pos += n
		word := strings.ToUpper(rest[:n])
		if st.word == "" {
			st.word = word
		}
		st.file = st.file || s.d.executable && (word == "OUTFILE" || word == "DUMPFILE")
		st.beside = st.beside || s.d.named && st.word == "EXPLAIN" && explained[word]
		if word == "E" && s.d.dollar && s.pos < len(s.in) && s.in[s.pos] == '\'' {
			return s.quoted('\'', true)
		}
		return nil
	}
	s.pos++
	if st.word == "" && c != '(' {
		st.word = string(rune(c))
	}
	return nil
}

// comment returns how long a comment is that rest begins with, 0 if it does not.
func (s *scanner) comment(rest string) (int, error) {
	switch {
	case strings.HasPrefix(rest, "--") && (!s.d.spaced || len(rest) == 2 || rest[2] <= ' ' || rest[2] == 0x7f), s.d.hash && rest[0] == '#':
		end := strings.IndexByte(rest, '\n')
		if s.d.cr {
			end = strings.IndexAny(rest, "\r\n")
		}
		if end >= 0 {
			return end + 1, nil
		}
		return len(rest), nil
	case !strings.HasPrefix(rest, "/*"):
		return 0, nil
	case s.d.executable && (strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!")):
		return 0, errors.New("comments that are code are refused")
	}
	depth, i := 1, 2
	for depth > 0 {
		n := strings.IndexAny(rest[i:], "*/")
		if n < 0 {
			return 0, errors.New("a comment does not end")
		}
		switch i += n; {
		case strings.HasPrefix(rest[i:], "*/"):
			depth--
			i += 2
		case s.d.nested && strings.HasPrefix(rest[i:], "/*"):
			depth++
			i += 2
		default:
			i++
		}
	}
	return i, nil
}

// quoted goes over a quoted text up to its end. A doubled quote ends one and begins another.
func (s *scanner) quoted(end byte, backslash bool) error {
	for i := s.pos + 1; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '\\' && backslash:
			i++
		case c == end:
			// A text in E'' that goes on behind a doubled quote has backslashes there, too.
			if backslash && i+1 < len(s.in) && s.in[i+1] == end {
				i++
				continue
			}
			s.pos = i + 1
			return nil
		}
	}
	return errors.New("a quoted text does not end")
}

// dollar goes over $1 or a text in dollar quotes.
func (s *scanner) dollar(rest string) error {
	n := 1
	for n < len(rest) && (isWord(rest[n])) {
		n++
	}
	if n > 1 && isDigit(rest[1]) {
		if i, err := strconv.Atoi(rest[1:n]); err == nil && i <= MaxArguments {
			s.numbered = max(s.numbered, i)
			s.pos += n
			return nil
		}
		return errors.New("a placeholder with a number that is none")
	}
	if n == len(rest) || rest[n] != '$' {
		s.pos++
		return nil
	}
	tag := rest[:n+1]
	length := strings.Index(rest[n+1:], tag)
	if length < 0 {
		return errors.New("a quoted text does not end")
	}
	s.pos += 2*len(tag) + length
	return nil
}

// translate writes $1, $2 for the places of text, which begins where the scanner's does but for
// blanks.
func (s *scanner) translate(text string) string {
	if len(s.places) == 0 {
		return text
	}
	skipped := strings.Index(s.in, text)
	var b strings.Builder
	from := 0
	for i, at := range s.places {
		at -= skipped
		b.WriteString(text[from:at])
		if at > 0 && joins(text[at-1]) { // a?b would become a name
			b.WriteByte(' ')
		}
		b.WriteString("$" + strconv.Itoa(i+1))
		if from = at + 1; from < len(text) && joins(text[from]) {
			b.WriteByte(' ')
		}
	}
	b.WriteString(text[from:])
	return b.String()
}

// joins says whether a character beside a place would be taken for a part of it.
func joins(c byte) bool { return isWord(c) || c == '$' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c == '_' || c >= 0x80
}
