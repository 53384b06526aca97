// The second copy of a message within a week is dropped. The mark is left only once the mail
// is settled, so that nothing is dropped for a delivery that did not end well.
const id = header("Message-ID");
if (id !== "") {
  const key = "seen " + hash(id, "sha256");
  if (key_exists("", key)) discard();
  else mark("", key, true, "7d");
}
