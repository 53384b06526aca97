CREATE TABLE NS.meta (name text PRIMARY KEY, v bigint NOT NULL);

-- A value that is spelled as a number is a number, so that counting is arithmetic. Room in the pages keeps
-- changed rows beside their old versions, where no index has to know of them.
CREATE TABLE NS.kv (
	k     bytea  PRIMARY KEY,
	v     bytea,
	n     bigint,
	exp   bigint NOT NULL,
	fence bigint NOT NULL DEFAULT 0,
	CHECK ((v IS NULL) <> (n IS NULL))
) WITH (fillfactor = 85);

CREATE UNLOGGED TABLE NS.rate (
	k     bytea  NOT NULL,
	rule  text   COLLATE "C" NOT NULL,
	start bigint NOT NULL,
	prev  bigint NOT NULL,
	cur   bigint NOT NULL,
	phalf bigint NOT NULL,
	chalf bigint NOT NULL,
	exp   bigint NOT NULL,
	PRIMARY KEY (k, rule)
) WITH (fillfactor = 70);

CREATE TABLE NS.lease (
	k       bytea   PRIMARY KEY,
	owner   bytea   NOT NULL,
	fence   bigint  NOT NULL,
	exp     bigint  NOT NULL,
	durable boolean NOT NULL
) WITH (fillfactor = 70);

CREATE SEQUENCE NS.fences;
CREATE UNLOGGED TABLE NS.boot (there boolean NOT NULL);

-- millis is the time of a function: that of the caller, or else the server's.
CREATE FUNCTION NS.millis(given bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $kv$
	SELECT coalesce(given, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$kv$;

-- after_crash makes sure that fences go on above all that were given out. The log of the last leases, and of the sequence with
-- them, may not have reached the disk before a crash. A crash empties boot; then the sequence jumps over more numbers than a
-- server gives out between two writes to its disk. Returns whether this transaction did so, and has to wait for the disk.
CREATE FUNCTION NS.after_crash() RETURNS boolean LANGUAGE plpgsql AS $kv$
BEGIN
	LOCK TABLE NS.boot IN EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM NS.boot) THEN
		RETURN false;
	END IF;
	PERFORM setval('NS.fences', nextval('NS.fences') + (1::bigint << 32));
	INSERT INTO NS.boot VALUES (true);
	RETURN true;
END
$kv$;

-- take_lease gives the lease to owner or says who has it until when: mine, fence, exp.
CREATE FUNCTION NS.take_lease(given bigint, key bytea, who bytea, ttl bigint, keep boolean, OUT mine boolean, OUT no bigint, OUT until bigint)
LANGUAGE plpgsql AS $kv$
DECLARE
	now  bigint := NS.millis(given);
	wait boolean := keep;
BEGIN
	-- Asking for a lease that is held writes nothing.
	SELECT false, l.fence, l.exp INTO mine, no, until FROM NS.lease l WHERE l.k = key AND (l.exp = 0 OR l.exp > now);
	IF FOUND THEN
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM NS.boot) THEN
		wait := NS.after_crash() OR wait;
	END IF;
	INSERT INTO NS.lease AS l VALUES (key, who, nextval('NS.fences'), CASE WHEN ttl = 0 THEN 0 ELSE now + ttl END, keep)
	ON CONFLICT (k) DO UPDATE SET owner = excluded.owner, fence = excluded.fence, exp = excluded.exp, durable = excluded.durable
		WHERE l.exp <> 0 AND l.exp <= now
	RETURNING true, l.fence, l.exp INTO mine, no, until;
	IF NOT FOUND THEN -- somebody was faster
		SELECT false, l.fence, l.exp INTO mine, no, until FROM NS.lease l WHERE l.k = key;
		mine := false;
		RETURN;
	END IF;
	IF NOT wait THEN
		PERFORM set_config('synchronous_commit', 'off', true);
	END IF;
END
$kv$;

-- From here to gcra all is as in kv.Rule.Take. Products do not fit 64 bits, so they are
-- numeric; div cuts off.

-- remains is how many of the units of the window before count when this one is age old; phalf is when half of the
-- limit was reached there.
CREATE FUNCTION NS.remains(units bigint, phalf bigint, age bigint, lim bigint, per bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $kv$
	SELECT (CASE
		WHEN units < lim - lim / 2 THEN div(units::numeric * (per - age - 1), per)
		WHEN age + 1 < phalf THEN units - div((lim / 2)::numeric * (age + 1) + (phalf - 1), phalf)
		ELSE div((units - (lim - lim / 2))::numeric * (per - age - 1), per - phalf)
	END)::bigint
$kv$;

-- until is the age of a window, at least age, from which at most room of the units of the window before count.
CREATE FUNCTION NS.until(units bigint, phalf bigint, age bigint, room bigint, lim bigint, per bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $kv$
DECLARE
	half bigint := lim - lim / 2;
	s    bigint;
BEGIN
	IF NS.remains(units, phalf, age, lim, per) <= room THEN
		RETURN age;
	END IF;
	IF units < half THEN
		RETURN per - div((room + 1)::numeric * per + (units - 1), units);
	END IF;
	IF age + 1 < phalf AND units - lim / 2 <= room THEN
		s := div((units - room - 1)::numeric * phalf, lim / 2);
		IF s + 1 < phalf THEN
			RETURN greatest(s, age);
		END IF;
	END IF;
	IF units - half <= room THEN
		RETURN greatest(phalf - 1, age);
	END IF;
	RETURN greatest(per - div((room + 1)::numeric * (per - phalf) + (units - half - 1), units - half), phalf - 1, age);
END
$kv$;

CREATE FUNCTION NS.sliding(INOUT start bigint, INOUT prev bigint, INOUT cur bigint, INOUT phalf bigint, INOUT chalf bigint,
	lim bigint, per bigint, now bigint, cost bigint,
	OUT exp bigint, OUT allowed boolean, OUT remaining bigint, OUT retry bigint)
LANGUAGE plpgsql IMMUTABLE AS $kv$
DECLARE
	age  bigint := now - start;
	half bigint := lim - lim / 2;
BEGIN
	retry := 0;
	IF start = 0 OR age <= -per OR age >= 2 * per THEN
		start := now; prev := 0; cur := 0; phalf := 0; chalf := 0; age := 0;
	ELSIF age < 0 THEN
		age := 0;
	ELSIF age >= per THEN
		start := start + per; prev := cur; phalf := chalf; cur := 0; chalf := 0; age := age - per;
	END IF;
	remaining := greatest(lim - NS.remains(prev, phalf, age, lim, per) - cur, 0);
	allowed := cost <= remaining;
	IF allowed THEN
		remaining := remaining - cost;
		IF cur < half AND cur + cost >= half THEN
			chalf := age;
		END IF;
		cur := cur + cost;
	ELSE
		IF cost > lim THEN
			retry := per;
		ELSIF lim - cost - cur >= 0 THEN
			retry := NS.until(prev, phalf, age, lim - cost - cur, lim, per) - age;
		ELSE
			retry := per - age + NS.until(cur, chalf, 0, lim - cost, lim, per);
		END IF;
		retry := greatest((retry + 999999) / 1000000, 1) * 1000000;
	END IF;
	exp := (start + 2 * per + 999999) / 1000000;
END
$kv$;

CREATE FUNCTION NS.gcra(INOUT start bigint, INOUT prev bigint, INOUT cur bigint, INOUT phalf bigint, INOUT chalf bigint, lim bigint, per bigint, burst bigint, now bigint, cost bigint,
	OUT exp bigint, OUT allowed boolean, OUT remaining bigint, OUT retry bigint)
LANGUAGE plpgsql IMMUTABLE AS $kv$
DECLARE
	ahead      bigint := start - now;
	part       bigint := cur;
	product    numeric := burst::numeric * per;
	whole      bigint := div(product, lim);
	whole_part bigint := product - whole::numeric * lim;
	after      bigint;
	after_part bigint;
BEGIN
	retry := 0;
	allowed := false;
	IF ahead < 0 THEN
		ahead := 0; part := 0;
	END IF;
	IF ahead > whole THEN
		ahead := whole; part := whole_part;
	END IF;
	IF cost > burst THEN
		retry := per;
	ELSE
		product := cost::numeric * per;
		after := div(product, lim);
		after_part := part + (product - after::numeric * lim);
		after := ahead + after;
		IF after_part >= lim THEN
			after := after + 1; after_part := after_part - lim;
		END IF;
		IF after < whole OR after = whole AND after_part <= whole_part THEN
			allowed := true;
			ahead := after; part := after_part;
		ELSE
			retry := after - whole + CASE WHEN after_part > whole_part THEN 1 ELSE 0 END;
			retry := greatest((retry + 999999) / 1000000, 1) * 1000000;
		END IF;
	END IF;
	remaining := greatest(burst - div(ahead::numeric * lim + part + (per - 1), per), 0);
	start := now + ahead; prev := 0; cur := part; phalf := 0; chalf := 0;
	exp := (start + 1 + 999999) / 1000000;
END
$kv$;

-- take asks a rule for cost units and takes them if it may. The first look takes no lock: a refusal and a peek write nothing. Who
-- was overtaken between looking and writing waits in line the next time.
CREATE FUNCTION NS.take(at bigint, key bytea, name text, lim bigint, per bigint, burst bigint, cost bigint, peek boolean,
	OUT allowed boolean, OUT remaining bigint, OUT retry bigint)
LANGUAGE plpgsql AS $kv$
DECLARE
	now  bigint := coalesce(at, floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000);
	was  record;
	next record;
	line boolean := false;
BEGIN
	LOOP
		IF line THEN
			SELECT r.start, r.prev, r.cur, r.phalf, r.chalf INTO was FROM NS.rate r WHERE r.k = key AND r.rule = name FOR UPDATE;
		ELSE
			SELECT r.start, r.prev, r.cur, r.phalf, r.chalf INTO was FROM NS.rate r WHERE r.k = key AND r.rule = name;
		END IF;
		line := FOUND;
		IF burst > 0 THEN
			next := NS.gcra(coalesce(was.start, 0), coalesce(was.prev, 0), coalesce(was.cur, 0), coalesce(was.phalf, 0), coalesce(was.chalf, 0), lim, per, burst, now, cost);
		ELSE
			next := NS.sliding(coalesce(was.start, 0), coalesce(was.prev, 0), coalesce(was.cur, 0), coalesce(was.phalf, 0), coalesce(was.chalf, 0), lim, per, now, cost);
		END IF;
		allowed := next.allowed; remaining := next.remaining; retry := next.retry;
		IF peek OR NOT allowed THEN
			RETURN;
		END IF;
		IF line THEN
			UPDATE NS.rate r SET start = next.start, prev = next.prev, cur = next.cur, phalf = next.phalf, chalf = next.chalf, exp = next.exp
			WHERE r.k = key AND r.rule = name AND r.start = was.start AND r.prev = was.prev AND r.cur = was.cur
				AND r.phalf = was.phalf AND r.chalf = was.chalf;
		ELSE
			INSERT INTO NS.rate VALUES (key, name, next.start, next.prev, next.cur, next.phalf, next.chalf, next.exp) ON CONFLICT DO NOTHING;
			line := true;
		END IF;
		IF FOUND THEN
			RETURN;
		END IF;
	END LOOP;
END
$kv$;
