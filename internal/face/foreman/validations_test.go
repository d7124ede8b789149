package foreman_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"keyrack/internal/core"
)

// The problems of a user as the product tells them, by who asks for what.
func TestUserProblems(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Apply(t, core.Desired{Accounts: []core.DesiredAccount{{
		ID: 20, Login: "makers", Organizations: []string{"acme"}, Locations: []string{"berlin"}, Tokens: tokenOf(asMaker),
		Rights: []core.Right{core.ViewUsers, core.CreateUsers, core.EditUsers, core.DestroyUsers},
	}}})
	const fresh = `"login":"new","auth_source_id":1,"password":"correct-horse-battery"`
	for _, tt := range []struct{ name, as, method, target, user, errors string }{
		{"nothing", asAdmin, "POST", "", ``, `{"login":["can't be blank"],"auth_source_id":["can't be blank"],"password_hash":["can't be blank"]}`},
		{"null login", asAdmin, "POST", "", `"login":null,"auth_source_id":1,"password":"correct-horse-battery"`, `{"login":["can't be blank"]}`},
		{"blank login", asAdmin, "PUT", "/5", `"login":" "`, `{"login":["can't be blank"]}`},
		{"taken login in another case", asAdmin, "PUT", "/5", `"login":"MANAGER"`, `{"login":["already exists"]}`},
		{"login with a blank", asAdmin, "PUT", "/5", `"login":"b ob"`, `{"login":["is invalid"]}`},
		{"login that hosts cannot have", asAdmin, "PUT", "/5", `"login":"bób"`, `{"login":["is invalid"]}`},
		{"long login", asAdmin, "PUT", "/5", `"login":"` + strings.Repeat("b", 101) + `"`, `{"login":["is too long (maximum is 100 characters)"]}`},
		{"reserved login", asAdmin, "PUT", "/5", `"login":"Current_User"`, `{"login":["is reserved"]}`},
		{"source that is none", asAdmin, "POST", "", `"login":"new","auth_source_id":2,"password":"correct-horse-battery"`, `{"auth_source_id":["is not one that is here"]}`},
		{"no password", asAdmin, "POST", "", `"login":"new","auth_source_id":1,"password":""`, `{"password_hash":["can't be blank"]}`},
		{"short password", asAdmin, "POST", "", `"login":"new","auth_source_id":1,"password":"short"`, `{"password":["must have at least 12 characters"]}`},
		{"other confirmation", asAdmin, "POST", "", fresh + `,"password_confirmation":"another"`, `{"password_confirmation":["doesn't match Password"]}`},
		{"own password without the present one", asBob, "PUT", "/5", `"password":"another-long-password"`, `{"current_password":["Incorrect password"]}`},
		{"own password with a wrong one", asBob, "PUT", "/5", `"password":"another-long-password","current_password":"x"`, `{"current_password":["Incorrect password"]}`},
		{"mail that is none", asAdmin, "PUT", "/5", `"mail":"bob"`, `{"mail":["is invalid"]}`},
		{"mail with a name", asAdmin, "PUT", "/5", `"mail":"Bob <bob@example.com>"`, `{"mail":["is invalid"]}`},
		{"long mail", asAdmin, "PUT", "/5", `"mail":"` + strings.Repeat("b", 243) + `@example.com"`, `{"mail":["is too long (maximum is 254 characters)"]}`},
		{"no mail", asAdmin, "PUT", "/5", `"mail":""`, `{"mail":["can't be blank"]}`},
		{"no mail, but messages", asAdmin, "PUT", "/6", `"mail_enabled":true,"mail":null`, `{"mail":["can't be blank"]}`},
		{"long firstname", asAdmin, "PUT", "/5", `"firstname":"` + strings.Repeat("ä", 51) + `"`, `{"firstname":["is too long (maximum is 50 characters)"]}`},
		{"names that are none", asAdmin, "PUT", "/5", `"firstname":"B@b","lastname":"{}"`, `{"firstname":["is invalid"],"lastname":["is invalid"]}`},
		{"zone", asAdmin, "PUT", "/5", `"timezone":"Mars"`, `{"timezone":["is not valid"]}`},
		{"locale", asAdmin, "PUT", "/5", `"locale":"tlh"`, `{"locale":["is invalid"]}`},
		{"disabling oneself", asAdmin, "PUT", "/4", `"disabled":true`, `{"disabled":["It is not possible to disable yourself"]}`},
		{"making oneself admin", asBob, "PUT", "/5", `"admin":true`, `{"admin":["you can't change administrator flag"]}`},
		{"making another admin", asMaker, "PUT", "/5", `"admin":true`, `{"admin":["you can't change administrator flag"]}`},
		{"a new admin", asMaker, "POST", "", fresh + `,"admin":true`, `{"admin":["you can't change administrator flag"]}`},
		{"the last admin", asAdmin, "PUT", "/4", `"admin":false`, `{"admin":["cannot be removed from the last admin account"]}`},
		{"roles that he has not", asMaker, "PUT", "/5", `"role_ids":[1]`, `{"role_ids":["you can't assign some of roles you selected"]}`},
		{"default location of others", asAdmin, "PUT", "/8", `"default_location_id":1`, `{"default_location":["default locations need to be user locations first"]}`},
		{"default organization of others", asAdmin, "PUT", "/8", `"default_organization_id":1`, `{"default_organization":["default organizations need to be user organizations first"]}`},
		{"default organization that is none", asAdmin, "PUT", "/8", `"default_organization_id":99`, `{"default_organization":["default organizations need to be user organizations first"]}`},
		{"default organization that is taken away", asAdmin, "PUT", "/8", `"default_organization_id":2,"organization_ids":[]`, `{"default_organization":["default organizations need to be user organizations first"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := w.do(tt.as, tt.method, "/api/users"+tt.target, `{"user":{`+tt.user+`}}`)
			var reply struct {
				Error struct {
					ID       *int64          `json:"id"`
					Errors   json.RawMessage `json:"errors"`
					Messages []string        `json:"full_messages"`
				} `json:"error"`
			}
			if err := json.Unmarshal(got.Body.Bytes(), &reply); err != nil || got.Code != http.StatusUnprocessableEntity {
				t.Fatalf("%s = %d %s", tt.method, got.Code, got.Body)
			}
			if string(reply.Error.Errors) != tt.errors || (reply.Error.ID == nil) != (tt.method == "POST") || len(reply.Error.Messages) == 0 {
				t.Errorf("%s\nwant errors %s", got.Body, tt.errors)
			}
		})
	}
}

// What a user is refused that is not wrong with a field of his.
func TestUserRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Apply(t, core.Desired{Accounts: []core.DesiredAccount{{
		ID: 20, Login: "makers", Organizations: []string{"acme"}, Locations: []string{"berlin"}, Tokens: tokenOf(asMaker),
		Rights: []core.Right{core.ViewUsers, core.CreateUsers, core.EditUsers, core.DestroyUsers},
	}, {
		ID: 21, Login: "boss", Organizations: []string{"acme"}, Locations: []string{"berlin"}, Roles: core.Roles{Admin: true},
	}}})
	for _, tt := range []struct {
		as, method, target, body string
		status                   int
		reply                    string
	}{
		{asAdmin, "PUT", "/5", `{"role_ids":[99]}`, 422, `{"error":{"message":"Couldn't find Role"}}`},
		{asAdmin, "PUT", "/5", `{"location_ids":["x"]}`, 422, `{"error":{"message":"Couldn't find Location"}}`},
		{asMaker, "PUT", "/5", `{"organization_ids":[1,2]}`, 422, `{"error":{"message":"Couldn't find Organization"}}`},
		{asMaker, "GET", "/8", "", 404, `{"error":{"message":"Resource user not found by id '8'"}}`},
		{asMaker, "DELETE", "/zoe", "", 404, `{"error":{"message":"Resource user not found by id 'zoe'"}}`},
		{asMaker, "DELETE", "/makers", "", 403, `{"error":{"message":"Access denied","details":"You are trying to delete your own account","missing_permissions":null}}`},
		{asMaker, "DELETE", "/21", "", 403, ""},
		{asBob, "DELETE", "/5", "", 403, `{"error":{"message":"Access denied","details":"Missing one of the required permissions: destroy_users","missing_permissions":["destroy_users"]}}`},
		{asBob, "GET", "", "", 403, `{"error":{"message":"Access denied","details":"Missing one of the required permissions: view_users","missing_permissions":["view_users"]}}`},
		{asBob, "GET", "/manager", "", 403, ""},
		{asAdmin, "GET", "/Bob", "", 404, `{"error":{"message":"Resource user not found by id 'Bob'"}}`},
		{asAdmin, "GET", "/5abc", "", 200, ""},
		{asAdmin, "GET", "/99999999999999999999", "", 404, `{"error":{"message":"Resource user not found by id '99999999999999999999'"}}`},
		{asAdmin, "GET", "/foreman_api_admin", "", 404, ""},
		{asBob, "PUT", "/5", `{"auth_source_id":1,"role_ids":[1],"description":"mine"}`, 200, ""},
		{asAdmin, "DELETE", "/21", "", 200, ""},
	} {
		w.want(tt.as, tt.method, "/api/users"+tt.target, tt.body, tt.status, tt.reply)
	}
	if got := w.do(asBob, http.MethodGet, "/api/current_user", "").Body.String(); !strings.Contains(got, `"description":"mine"`) || !strings.Contains(got, `"roles":[]`) {
		t.Errorf("what a user changes of himself = %s, want a description and no role", got)
	}
}
