package foreman

import (
	"net/http"

	"keyrack/internal/core"
)

// table is what the face answers, in the order of its description.
func (f *foreman) table() []action {
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	const keysPath, keyPath = "/api/users/:user_id/ssh_keys", "/api/users/:user_id/ssh_keys/:id"
	const tokensPath, tokenPath = "/api/users/:user_id/personal_access_tokens", "/api/users/:user_id/personal_access_tokens/:id" //nolint:gosec // paths
	in := contextParams
	id, owner := str("id", ""), required(str("user_id", "ID of the user"))
	return []action{
		{resource: "auth_sources", name: "index", method: get, path: "/api/auth_sources", short: "List all authentication sources",
			params: listParams(), searched: nameSearch, handle: smalls(nameSearch, (*call).sources, (*call).showSource)},

		{resource: "home", name: "index", method: get, path: "/api", short: "Show available API links", handle: (*call).index},
		{resource: "home", name: "status", method: get, path: "/api/status", short: "Show status", handle: (*call).status},

		{resource: "locations", name: "index", method: get, path: "/api/locations", short: "List all locations",
			params: listParams(), searched: placeSearch, handle: smalls(placeSearch, (*call).locations, (*call).showPlace)},
		{resource: "locations", name: "show", method: get, path: "/api/locations/:id", short: "Show a location",
			params: with(in, required(id)), handle: oneSmall("location", (*call).locations, (*call).showPlace)},

		{resource: "organizations", name: "index", method: get, path: "/api/organizations", short: "List all organizations",
			params: listParams(), searched: placeSearch, handle: smalls(placeSearch, (*call).organizations, (*call).showPlace)},
		{resource: "organizations", name: "show", method: get, path: "/api/organizations/:id", short: "Show an organization",
			params: with(in, required(id)), handle: oneSmall("organization", (*call).organizations, (*call).showPlace)},

		{resource: "personal_access_tokens", name: "index", method: get, path: tokensPath, short: "List all Personal Access Tokens for a user",
			params: listParams(owner), searched: tokenSearch, gate: ofUser(core.ViewTokens), handle: (*call).listTokens},
		{resource: "personal_access_tokens", name: "show", method: get, path: tokenPath, short: "Show a Personal Access Token for a user",
			params: with(in, required(id), owner), gate: ofUser(core.ViewTokens), handle: (*call).readToken},
		{resource: "personal_access_tokens", name: "create", method: post, path: tokensPath, short: "Create a Personal Access Token for a user",
			params: with(in, owner, required(hash("personal_access_token", required(str("name", "")), nullable(moment("expires_at", "Expiry Date"))))),
			gate:   ofUser(core.CreateTokens), handle: (*call).createToken, status: http.StatusCreated},
		{resource: "personal_access_tokens", name: "destroy", method: del, path: tokenPath, short: "Revoke a Personal Access Token for a user",
			params: with(in, required(id), owner), gate: ofUser(core.RevokeTokens), handle: (*call).deleteToken},

		{resource: "ping", name: "ping", method: get, path: "/api/ping", short: "Shows status and version information of Foreman system",
			// Who watches the server has no user there.
			public: true, handle: (*call).ping},
		{resource: "ping", name: "statuses", method: get, path: "/api/statuses", short: "Shows status of Foreman system and it's subcomponents",
			handle: (*call).statuses},

		{resource: "roles", name: "index", method: get, path: "/api/roles", short: "List all roles",
			params: listParams(), searched: nameSearch, handle: rolesList},

		{resource: "ssh_keys", name: "index", method: get, path: keysPath, short: "List all SSH keys for a user",
			params: listParams(owner), searched: keySearch, gate: ofUser(core.ViewKeys), handle: (*call).listKeys},
		{resource: "ssh_keys", name: "show", method: get, path: keyPath, short: "Show an SSH key from a user",
			params: with(in, required(identifier("id")), owner), gate: ofUser(core.ViewKeys), handle: (*call).readKey},
		{resource: "ssh_keys", name: "create", method: post, path: keysPath, short: "Add an SSH key for a user",
			params: with(in, owner, required(hash("ssh_key", required(str("name", "")), required(str("key", "Public SSH key"))))),
			gate:   ofUser(core.CreateKeys), handle: (*call).createKey, status: http.StatusCreated},
		{resource: "ssh_keys", name: "destroy", method: del, path: keyPath, short: "Delete an SSH key for a user",
			params: with(in, required(id), owner), gate: ofUser(core.DestroyKeys), handle: (*call).deleteKey},

		{resource: "users", name: "index", method: get, path: "/api/users", short: "List all users",
			params: listParams(), searched: userSearch, gate: inGeneral(core.ViewUsers), handle: (*call).listUsers},
		{resource: "users", name: "show", method: get, path: "/api/users/:id", short: "Show a user",
			params: with(in, required(id)), gate: overUser(core.ViewUsers), handle: (*call).readUser},
		{resource: "users", name: "show_current", method: get, path: "/api/current_user", short: "Show the currently logged-in user",
			handle: (*call).readSelf},
		{resource: "users", name: "create", method: post, path: "/api/users", short: "Create a user",
			params: with(in, required(hash("user", userParams(true)...))),
			gate:   inGeneral(core.CreateUsers), handle: (*call).createUser, status: http.StatusCreated},
		{resource: "users", name: "update", method: put, path: "/api/users/:id", short: "Update a user",
			params: with(in, required(id), required(hash("user", with(userParams(false), nullable(str("current_password", "Required when user want to change own password")))...))),
			gate:   overUser(core.EditUsers), handle: (*call).updateUser},
		{resource: "users", name: "destroy", method: del, path: "/api/users/:id", short: "Delete a user",
			params: with(in, required(id)), gate: inGeneral(core.DestroyUsers), handle: (*call).deleteUser},
	}
}

// contextParams are taken by nearly every action.
var contextParams = []param{
	number("location_id", "Set the current location context for the request"),
	number("organization_id", "Set the current organization context for the request"),
}

func with(list []param, more ...param) []param { return append(append([]param{}, list...), more...) }

// listParams are those of a list, own after the context.
func listParams(own ...param) []param {
	return with(with(contextParams, own...),
		str("search", "Filter results"),
		str("order", "Sort and order by a searchable field, e.g. '<field> DESC'"),
		param{name: "page", kind: "numeric", text: "Page number, starting at 1", validator: "Must be a number."},
		param{name: "per_page", kind: "string", text: "Number of results per page to return, 'all' to return all results",
			validator: `Must match regular expression <code>/\A([1-9]\d*|all)\Z$/</code>.`},
	)
}

// userParams are the attributes of a user; of a new one some are required.
func userParams(isNew bool) []param {
	need := nullable
	if isNew {
		need = required
	}
	return []param{
		need(str("login", "")), nullable(str("firstname", "")), nullable(str("lastname", "")), need(str("mail", "")),
		nullable(str("description", "")), flag("disabled", ""), flag("admin", "is an admin account"),
		nullable(str("password", "Required unless user is in an external authentication source")),
		nullable(number("default_location_id", "")), nullable(number("default_organization_id", "")), need(number("auth_source_id", "")),
		nullable(str("timezone", "User's timezone")), nullable(str("locale", "User's preferred locale")),
		list("role_ids", ""), flag("mail_enabled", "Enable user's email"),
		list("location_ids", "REPLACE locations with given ids"), list("organization_ids", "REPLACE organizations with given ids."),
	}
}
