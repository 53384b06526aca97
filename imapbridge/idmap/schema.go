package idmap

// Schema makes the tables of this package. It is one statement batch, to stand in
// the first version of the schema of the file that shares a commit with them.
//
// Times are Unix seconds. Columns are narrow where whole mailboxes are read: what a
// View shows stands in uid itself, what only FETCH of single messages wants in content.
const Schema = `
CREATE TABLE account (
	id            INTEGER PRIMARY KEY CHECK (id = 1),
	modseq        INTEGER NOT NULL,          -- the last one taken
	uidvalidity   INTEGER NOT NULL,          -- the last one given
	email_state   TEXT    NOT NULL DEFAULT '', -- cursors of an upstream server,
	mailbox_state TEXT    NOT NULL DEFAULT ''  -- moved with what lies before them
);
INSERT INTO account (id, modseq, uidvalidity) VALUES (1, 0, 0);

CREATE TABLE mailbox (
	mb             INTEGER PRIMARY KEY AUTOINCREMENT,
	id             TEXT    NOT NULL UNIQUE,
	path           TEXT    NOT NULL UNIQUE,
	role           TEXT    NOT NULL,
	uidvalidity    INTEGER NOT NULL UNIQUE,
	uidnext        INTEGER NOT NULL,
	createdmodseq  INTEGER NOT NULL,
	highestmodseq  INTEGER NOT NULL,
	vanished_floor INTEGER NOT NULL DEFAULT 0, -- removals at or below it are forgotten
	recent_from    INTEGER NOT NULL DEFAULT 1, -- UIDs from here on were not told as \Recent
	messages       INTEGER NOT NULL DEFAULT 0,
	unseen         INTEGER NOT NULL DEFAULT 0,
	deleted        INTEGER NOT NULL DEFAULT 0,
	recent         INTEGER NOT NULL DEFAULT 0,
	octets         INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX mailbox_role ON mailbox (role) WHERE role <> '';

CREATE TABLE subscription (path TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE content (                        -- the octets of one blob, and their shape
	cid           INTEGER PRIMARY KEY AUTOINCREMENT,
	blob          TEXT    NOT NULL UNIQUE,
	size          INTEGER NOT NULL,
	dead          INTEGER NOT NULL DEFAULT 0, -- when its last Email went; 0 is alive
	envelope      BLOB    NOT NULL,           -- wire form
	bodystructure BLOB    NOT NULL,
	body          BLOB    NOT NULL
);
CREATE INDEX content_dead ON content (dead) WHERE dead <> 0;

CREATE TABLE email (
	eid      INTEGER PRIMARY KEY AUTOINCREMENT,
	id       TEXT    NOT NULL UNIQUE,
	thread   TEXT    NOT NULL,
	cid      INTEGER NOT NULL,
	received INTEGER NOT NULL,
	zone     INTEGER NOT NULL, -- seconds east of UTC
	flags    INTEGER NOT NULL,
	kwset    BLOB    NOT NULL,
	modseq   INTEGER NOT NULL
);
CREATE INDEX email_cid ON email (cid);

CREATE TABLE uid (
	mb     INTEGER NOT NULL,
	uid    INTEGER NOT NULL,
	eid    INTEGER NOT NULL,
	modseq INTEGER NOT NULL,
	flags  INTEGER NOT NULL, -- the Email's, and \Deleted of this place
	kwset  BLOB    NOT NULL, -- the Email's
	size   INTEGER NOT NULL, -- the content's
	saved  INTEGER NOT NULL,
	PRIMARY KEY (mb, uid)
) WITHOUT ROWID;
CREATE INDEX uid_modseq  ON uid (mb, modseq);
CREATE INDEX uid_email   ON uid (eid);
CREATE INDEX uid_deleted ON uid (mb, uid) WHERE (flags & 16) <> 0;

CREATE TABLE vanished (
	mb     INTEGER NOT NULL,
	modseq INTEGER NOT NULL,
	lo     INTEGER NOT NULL,
	hi     INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (mb, modseq, lo)
) WITHOUT ROWID;

CREATE TABLE keyword (
	id   INTEGER PRIMARY KEY,
	name TEXT NOT NULL,        -- as first set
	fold TEXT NOT NULL UNIQUE  -- in lower case
);
`
