package bayes

import "github.com/sluice-mail/sluice/html"

// html adds the words that HTML shows, and where its links and pictures lead.
func (t *tokens) html(s string) {
	s = cut(s, t.left)
	t.left -= len(s)
	for l := range html.Links(s) {
		if len(t.list) >= MaxTokens {
			return
		}
		t.link(l.URL)
	}
	t.words("", html.Text(s))
}
