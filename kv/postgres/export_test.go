package postgres

import (
	"context"
	"net"
	"reflect"
)

// OpenDial is Open with connections of the test's.
func OpenDial(ctx context.Context, o Options, wrap func(net.Conn) net.Conn) (*Store, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}
	return open(ctx, o, config)
}

// Session is what every connection is told.
const Session = session

// Statements are all that are prepared, by name.
func Statements(namespace string) map[string]string {
	all := map[string]string{}
	q := reflect.ValueOf(statementsIn(namespace))
	for i := range q.NumField() {
		name := q.Type().Field(i).Name
		if f := q.Field(i); f.Kind() == reflect.String {
			all[name] = f.String()
			continue
		}
		for j := range q.Field(i).Len() {
			all[name+" "+tables[j]] = q.Field(i).Index(j).String()
		}
	}
	return all
}

// Versions is how many versions of the tables there are.
var Versions = len(steps)
