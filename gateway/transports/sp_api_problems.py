"""What can go wrong with Amazon's Selling Partner API: a table of words, and whose move it is."""

from __future__ import annotations

from gateway.as2.problems import Kind
from gateway.errors import Fault

_P, _C, _N, _U = Fault.PARTNER, Fault.CONFIGURATION, Fault.NETWORK, Fault.US

# fmt: off
CATALOGUE: dict[str, Kind] = {
    "SPAPI-SECRET": Kind("", _C,
        "The secrets of the account cannot be read: {what}.",
        "Put each where the partner's file says (`client_id`, `client_secret`, `refresh_token`).",
        "One is not where its reference (env:NAME, file:PATH, credential:NAME) says."),
    "SPAPI-SECRET-EXPIRED": Kind("", _C,
        "Amazon does not accept the client identifier and secret: {what}.",
        "Make a new client secret in the Solution Provider Portal, put it where `sp_api.client_secret` says, "
        "and its day into `sp_api.secret_made_on`. The refresh token stays.",
        "A client secret ends 180 days after it was made; then every call fails. A wrong identifier or "
        "secret is answered in the same words."),
    "SPAPI-REFRESH-TOKEN": Kind("", _C,
        "Amazon does not accept the refresh token: {what}.",
        "Authorise the application again in Vendor Central, and put the new refresh token where "
        "`sp_api.refresh_token` points. It belongs to this client identifier and region only.",
        "A refresh token ends when the authorisation is taken back, and is of one application and region."),
    "SPAPI-TOKEN": Kind("", _C,
        "Amazon gives no access token, or refuses a fresh one: {what}.",
        "Compare `sp_api.client_id`, `token_url` and `base_url`; then ask Amazon, with the request id.",
        "Access tokens last an hour. One that is refused is asked for anew once before this is told."),
    "SPAPI-ROLE-MISSING": Kind("", _C,
        "The application may not use {operation}: {what}.",
        "Add the role of this operation to the application in the Solution Provider Portal, then authorise "
        "it again: a refresh token knows only the roles of its day. If all operations are refused, compare "
        "`sp_api.region`.",
        "Roles are given for each group of operations and each region."),
    "SPAPI-REGION": Kind("", _C,
        "Amazon refuses this account in the region {region}: {what}.",
        "Set `sp_api.region` to where the vendor account is (na, eu, fe), or authorise it there",
        "An account is known to the host of its own region; others refuse every operation of it."),
    "SPAPI-VENDOR-CODE": Kind("", _C,
        "Orders come for other vendor codes than {ours}: {what}.",
        "Correct `sp_api.vendor_code`; for several codes write a partner file each.",
        "Orders are asked for by vendor code: with a wrong one none ever come, and nothing else tells."),
    "SPAPI-CLOCK": Kind("", _C,
        "The clock of this machine differs from Amazon's by {what}.",
        "Correct the clock, best by NTP.",
        "Windows of time are moved to Amazon's clock; deadlines are counted by this machine's."),
    "SPAPI-INPUT": Kind("", _U,
        "Amazon refuses {operation}: {what}.",
        "Correct what is named; the same again is refused again.",
        "The request was not taken (400, 413, 415). Nothing was changed by it."),
    "SPAPI-PAGE": Kind("", _N,
        "Amazon does not go on with a list it began, in {operation}: {what}.",
        "Ask for the whole window of time again; what came already is known by its number.",
        "A token for the next page is refused now and then, or comes twice. It was tried several times."),
    "SPAPI-NOT-FOUND": Kind("", _P,
        "Amazon does not know what {operation} asks for: {what}.",
        "Compare the number, the region and the vendor code.",
        "Also what belongs to another account is not found."),
    "SPAPI-THROTTLED": Kind("", _N,
        "Amazon takes no more of {operation} now: {what}.",
        "Nothing needs to be done: it is tried again later. If it stays, see who else uses the application.",
        "Each account has a rate for each operation, which all of its programs share. It was not taken."),
    "SPAPI-UNAVAILABLE": Kind("", _N,
        "Amazon cannot be reached, or is out of order, at {operation}: {what}.",
        "Nothing needs to be done if it passes. If it does not, check the network and Amazon's status page.",
        "Nothing was changed by it: it is a read, or no connection was made."),
    "SPAPI-UNCERTAIN": Kind("", _U,
        "Whether Amazon took {operation} is not known: {what}.",
        "It is looked up before it is sent again. Where that says nothing, look into Vendor Central.",
        "The document was sent and no clear answer came. Sent again unseen, it might be there twice."),
    "SPAPI-ANSWER": Kind("", _P,
        "The answer of Amazon to {operation} cannot be read: {what}.",
        "It is tried again; if it stays, ask Amazon, with the request id.",
        "It is cut off, not JSON, too long, or not built as Amazon's model says."),
}
# fmt: on
