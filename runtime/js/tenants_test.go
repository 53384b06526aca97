package js

import "testing"

func TestAccountsDoNotGetAtEachOthersKeys(t *testing.T) { room.Tenants(t) }
