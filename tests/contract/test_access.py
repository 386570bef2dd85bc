"""Who may do what, for both databases: sessions end, guesses are slowed down, roles permit what they say."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.errors import EdiError, ForbiddenError, LogInError, NotFoundError, RefusedError
from gateway.services import access
from gateway.services.access import Grant, Identity, Permission
from gateway.services.base import Services
from gateway.settings import load
from gateway.store import access as rows_of_access
from gateway.store import tables as t
from gateway.store.audit import Seal, verify
from gateway.store.database import open_engine, prepare, reading, sqlite_url
from gateway.store.records import as_text
from gateway.store.sql import Store

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GOOD, OTHER = "a fine horse staple", "some other horse"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
BOSS = [Grant("administrator")]
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class World:
    """Services on a database; the clock stands still until somebody sets it."""

    engine: Engine
    of_home: Services
    seal: Seal
    now: datetime = NOW

    def services(self, actor: str = "tester") -> Services:
        """One more connection, as another thread or process has it."""
        store = Store(self.engine, lambda: self.now, self.seal, actor=actor)
        return replace(self.of_home, store=store, clock=lambda: self.now)

    def later(self, **much: float) -> None:
        self.now += timedelta(**much)

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        with reading(self.engine) as connection:
            found = connection.execute(select(t.audit.c.event, t.audit.c.actor, t.audit.c.facts))
            return [(event, actor, orjson.loads(facts)) for event, actor, facts in found]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("access") / "home"
    make_home(home)
    first = (home / "partners/acme-retail.yaml").read_text()
    (home / "partners/other.yaml").write_text(
        first.replace("acme-retail", "other").replace("ACMERETAIL", "OTHERRETAIL")
    )
    with Gateway(home, load(home)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    found: dict[str, Engine] = {}
    yield found
    for engine in found.values():
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engines: dict[str, Engine],
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None
    if request.param not in engines:
        path = tmp_path_factory.mktemp("store") / "gateway.db"
        engines[request.param] = open_engine(server.database() if server else sqlite_url(path))
        prepare(engines[request.param])
    engine = engines[request.param]
    with engine.begin() as connection:
        for table in t.metadata.tables.values():
            connection.execute(delete(table))
        connection.execute(insert(t.audit_head), t.EMPTY_HEAD)
    monkeypatch.setattr(access, "_HASHER", WEAK)
    made = World(engine, gateway.services, gateway._seal)
    yield made
    with reading(engine) as connection:
        assert list(verify(connection)) == []


@pytest.fixture
def services(world: World) -> Iterator[Services]:
    made = world.services()
    with closing(made.store):
        yield made


def added(services: Services, name: str = "anna", *grants: Grant, **more: Any) -> dict[str, Any]:
    """A user who need not change the password."""
    known = {"must_change": False, "reason": "test", **more}
    return access.add_user(services, name, GOOD, grants or BOSS, **known)


def enter(services: Services, name: str = "anna", password: str = GOOD, address: str = HOME) -> str:
    return access.log_in(services, name, password, agent="Firefox", address=address)


def identity(services: Services, name: str, *grants: Grant) -> Identity:
    added(services, name, *grants)
    return access.of_session(services, enter(services, name))


def refused(services: Services, name: str = "anna", password: str = "wrong", address: str = AWAY) -> int:
    with pytest.raises(LogInError) as caught:
        enter(services, name, password, address)
    assert ("Too many" in str(caught.value)) == bool(caught.value.seconds)
    return caught.value.seconds


# --- sessions --------------------------------------------------------------------------------------------


def test_a_session_is_whose_password_it_was_and_no_secret_is_kept(world: World, services: Services) -> None:
    user = added(services, "Anna", Grant("operator", "acme-retail"), display="Anna  Berg\n")
    token = access.log_in(services, " ANNA ", GOOD, agent="Fire\x00fox", address=HOME)
    known = access.of_session(services, token)
    assert (known.actor, known.kind, known.id, known.name) == ("web:anna", "user", user["id"], "Anna Berg")
    assert known.grants == (Grant("operator", "acme-retail"),)
    assert enter(services) != token  # each log-in has a new one
    assert len({access.of_session(services, one).csrf for one in (token, enter(services))}) == 2
    events = world.audited()
    assert [event for event, _, _ in events] == ["user.added", *["session.begun"] * 3]
    assert events[1][1:] == ("web:anna", {"user": "anna", "address": HOME, "agent": "Firefox"})
    with reading(world.engine) as connection:
        kept = str([connection.execute(select(table)).all() for table in t.metadata.sorted_tables])
    assert GOOD not in kept
    assert token not in kept
    assert "$argon2id$" in kept


def test_sessions_end_when_nobody_uses_them_and_after_a_week(world: World, services: Services) -> None:
    added(services)
    token, unused = enter(services), enter(services)
    for _ in range(16):
        world.later(hours=10)
        access.of_session(services, token)
    world.later(hours=7.9)
    access.of_session(services, token)  # 167.9 hours
    world.later(hours=0.2)
    for one in (token, unused, "", "f" * 64, "\ud800\0"):
        with pytest.raises(LogInError, match="ended"):
            access.of_session(services, one)
    enter(services)
    with reading(world.engine) as connection:  # what ended is gone
        assert len(connection.execute(select(t.sessions)).all()) == 1


def test_a_session_that_nobody_uses_ends_after_twelve_hours(world: World, services: Services) -> None:
    added(services)
    token = enter(services)
    world.later(hours=12)
    with pytest.raises(LogInError):
        access.of_session(services, token)


def test_only_so_many_sessions_of_a_user_are_kept(world: World, services: Services) -> None:
    added(services)
    tokens = []
    for _ in range(rows_of_access.MAX_SESSIONS + 1):
        world.later(seconds=1)
        tokens.append(enter(services))
    with pytest.raises(LogInError):
        access.of_session(services, tokens[0])
    for one in tokens[1:]:
        access.of_session(services, one)


def test_whoever_logs_out_is_out(services: Services) -> None:
    added(services)
    first, second = enter(services), enter(services)
    access.log_out(services, first)
    access.log_out(services, first)
    with pytest.raises(LogInError):
        access.of_session(services, first)
    access.of_session(services, second)


@pytest.mark.parametrize("what", ["password", "grants", "disable", "enable", "display"])
def test_other_roles_and_passwords_end_what_is_open(services: Services, what: str) -> None:
    added(services, "boss")
    user = added(services)
    kept, token = enter(services), enter(services)
    me = access.of_session(services, kept)
    if what == "password":
        access.set_password(services, user["id"], OTHER, current=GOOD, keep=kept, by=me, reason="mine")
        assert access.of_session(services, kept) == me
    elif what == "grants":
        access.change_user(services, "anna", grants=[Grant("viewer")], reason="less")
    elif what == "display":
        assert access.change_user(services, "anna", grants=BOSS, display="A", reason="x")["display"] == "A"
        assert access.of_session(services, token).name == "A"
        return
    else:
        access.disable(services, "anna", reason="gone")
        refused(services, password=GOOD)
        if what == "enable":
            access.disable(services, "anna", disabled=False, reason="back")
            enter(services)
    with pytest.raises(LogInError):
        access.of_session(services, token)


def test_who_has_to_change_the_password_can_do_nothing_before(services: Services) -> None:
    added(services, must_change=True)
    token = access.log_in(services, "anna", GOOD, agent="", address=HOME)
    known = access.of_session(services, token)
    assert known.must_change
    assert not any(known.may(one, partner) for one in Permission for partner in (None, "acme-retail"))
    with pytest.raises(LogInError, match="wrong"):
        access.set_password(services, known.id, OTHER, current=OTHER, keep=token, by=known, reason="x")
    with pytest.raises(RefusedError, match="another"):
        access.set_password(services, known.id, GOOD, current=GOOD, keep=token, by=known, reason="x")
    access.set_password(services, known.id, OTHER, current=GOOD, keep=token, by=known, reason="x")
    assert access.of_session(services, token).may(Permission.ADMINISTER)
    enter(services, password=OTHER)


def test_the_password_until_now_is_not_guessed(services: Services, world: World) -> None:
    me = identity(services, "anna")

    def change(current: str) -> str:
        with pytest.raises(LogInError) as caught:
            access.set_password(services, me.id, OTHER, current=current, by=me, reason="x")
        return str(caught.value)

    assert ["wrong" in change(f"guess {number}") for number in range(6)] == [True] * 5 + [False]
    assert "Too many" in change(GOOD)
    world.later(seconds=5)
    access.set_password(services, me.id, OTHER, current=GOOD, by=me, reason="x")


def test_hashes_follow_the_parameters_of_today(
    services: Services, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(services)

    def kept() -> str:
        with reading(world.engine) as connection:
            return str(connection.scalar(select(t.users.c.password)))

    before = kept()
    monkeypatch.setattr(access, "_HASHER", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    refused(services)
    assert kept() == before
    enter(services)
    assert "m=16,t=2,p=1" in kept()
    enter(services)


def test_todays_parameters_are_those_that_are_advised() -> None:
    found = PasswordHasher()  # RFC 9106, the second choice
    assert (found.memory_cost, found.time_cost, found.type.name) == (65536, 3, "ID")


# --- guesses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["anna", "nobody", "nobody\0", "\ud800", ""])
def test_a_name_that_nobody_has_is_answered_as_one_that_somebody_has(services: Services, name: str) -> None:
    added(services, "anna")
    for _ in range(access.FREE_NAME):
        with pytest.raises(LogInError) as caught:
            enter(services, name, "wrong", AWAY)
        assert str(caught.value) == "Name or password is wrong."
    assert refused(services, name, GOOD) == 5


def test_as_long_a_look_is_taken_at_a_name_that_nobody_has(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(services)
    looked: list[str] = []
    real = access._matches

    def look(hashed: str, password: str) -> bool:
        looked.append(hashed)
        return real(hashed, password)

    monkeypatch.setattr(access, "_matches", look)
    refused(services, "anna")
    refused(services, "nobody", GOOD)
    refused(services, "anna", "w" * 10_000)
    assert [one.startswith("$argon2id$v=19$m=8,t=1,p=1$") for one in looked] == [True] * 3


def test_pauses_grow_and_end_and_are_not_made_longer_while_they_last(
    world: World, services: Services
) -> None:
    added(services)
    for _ in range(access.FREE_NAME):
        assert refused(services) == 0
    pauses = []
    for _ in range(10):
        pauses.append(refused(services))
        assert refused(services, password=GOOD) == pauses[-1]
        world.later(seconds=pauses[-1])
        assert refused(services) == 0
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    locked = [one["locked_until"] for one in access.list_users(services)]
    assert locked == [as_text(world.now + access.LONGEST)]
    world.later(seconds=900)
    enter(services, address=HOME)  # and counts from nothing again
    assert [refused(services, address=f"203.0.113.{number}") for number in range(6)] == [0] * 5 + [5]
    world.later(hours=1.1)
    assert [refused(services, address=f"203.0.113.{number}") for number in range(6)] == [0] * 5 + [5]


def test_a_stranger_keeps_nobody_out_who_is_in(world: World, services: Services) -> None:
    added(services)
    enter(services, address=HOME)
    for number in range(access.FREE_NAME):
        refused(services, address=f"203.0.113.{number}")
    assert refused(services, password=GOOD, address="203.0.113.99") == 5
    enter(services, address=HOME)


def test_one_address_cannot_try_one_password_with_every_name(world: World, services: Services) -> None:
    added(services)
    addresses = itertools.cycle([f"2001:db8::{number:x}" for number in range(7)])  # of one network
    for number in range(access.FREE_ADDRESS - 1):
        assert refused(services, f"name{number}", address=next(addresses)) == 0
    enter(services, address=next(addresses))  # takes nothing back but itself
    assert refused(services, "more", address=next(addresses)) == 0
    assert refused(services, password=GOOD, address=next(addresses)) == 5
    enter(services, address="2001:db8:0:1::1")
    assert [facts["reason"] for event, _, facts in world.audited() if event == "session.refused"][-1] == (
        f"no such user; not taken again until {as_text(NOW + access.PAUSE)}"
    )


def test_who_is_refused_while_a_pause_lasts_writes_nothing(world: World, services: Services) -> None:
    for _ in range(access.FREE_NAME):
        refused(services, "nobody")
    many = len(world.audited())
    for _ in range(20):
        assert refused(services, "nobody") == 5
    assert len(world.audited()) == many == access.FREE_NAME
    assert {facts["user"] for _, _, facts in world.audited()} == {""}  # it may be somebody's password


def test_many_guesses_at_once_are_many(world: World, services: Services) -> None:
    added(services)
    told = []

    def guess(number: int) -> None:
        mine = world.services()
        with closing(mine.store):
            try:
                enter(mine, "anna", f"guess {number}", f"203.0.113.{number}")
            except LogInError as error:
                told.append(error.seconds)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(24)))
    assert sorted(told) == [0] * access.FREE_NAME + [5] * (24 - access.FREE_NAME)


def test_what_is_counted_is_bounded(
    services: Services, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(rows_of_access, "MAX_REFUSALS", 10)
    for number in range(20):
        world.later(seconds=1)
        refused(services, f"name{number}", address=f"203.0.113.{number}")
    with reading(world.engine) as connection:
        assert len(connection.execute(select(t.refusals)).all()) == 10


# --- users -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        *("", "short", "elevenchars", "x" * 257, "annaannaanna"[:4] + "1234567890", "Password1234!"),
        *("123456789012", "qwerty qwerty 1", "passwordpassword", "aaaaaaaaaaaaaaa", "abababababab"),
        *("Administrator1", "changeme changeme"),
    ],
)  # fmt: skip
def test_passwords_that_are_tried_first_are_refused(services: Services, password: str) -> None:
    with pytest.raises(RefusedError) as caught:
        access.add_user(services, "anna", password, BOSS, reason="x")
    assert len(password) < 5 or password not in str(caught.value)
    assert access.list_users(services) == []


@pytest.mark.parametrize(
    "password",
    ["wxyz" * 64, "rosebud on 5th", "пароль длинный", "ＦＵＬＬ width horse", "a\ud800b-c d e f g"],
)
def test_any_other_password_is_taken_and_is_the_same_in_each_form(services: Services, password: str) -> None:
    access.add_user(services, "anna", password, BOSS, reason="x")
    enter(services, password=password)
    if password.startswith("Ｆ"):
        enter(services, password="FULL width horse")
    refused(services, password=password + "x")


def test_patterns_take_no_time_to_be_refused(services: Services) -> None:
    for password in ("1234567890" * 25 + "-", "a" * 255 + "-", "admin" * 51 + "-", "0123456789" * 25 + "-"):
        with suppress(RefusedError):
            access._acceptable("anna", password)


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a" * 101, "anna\0", "änna", "../a", "a\ud800"])
def test_names_that_look_like_others_are_refused(services: Services, name: str) -> None:
    with pytest.raises(RefusedError, match="name"):
        access.add_user(services, name, GOOD, BOSS, reason="x")


def test_a_name_is_taken_once(world: World, services: Services) -> None:
    added(services)
    with pytest.raises(RefusedError, match="already"):
        added(services, "ANNA")
    done, others = [], [world.services() for _ in range(4)]
    start = threading.Barrier(4)

    def add(mine: Services) -> None:
        start.wait()
        with closing(mine.store), suppress(RefusedError):
            done.append(added(mine, "ben"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, others))
    assert len(done) == 1


@pytest.mark.parametrize(
    ("grant", "error"), [(Grant("boss"), RefusedError), (Grant("viewer", "nobody"), NotFoundError)]
)
def test_roles_and_partners_have_to_be_there(services: Services, grant: Grant, error: type[EdiError]) -> None:
    added(services)
    for act in (
        lambda: added(services, "ben", grant),
        lambda: access.change_user(services, "anna", grants=[grant], reason="x"),
        lambda: access.make_key(services, "erp", [grant], reason="x"),
    ):
        with pytest.raises(error):
            act()
    assert [one["grants"] for one in access.list_users(services)] == [
        [{"role": "administrator", "partner": "*"}]
    ]


def test_the_last_administrator_stays(world: World, services: Services) -> None:
    added(services)
    added(services, "local", Grant("administrator", "acme-retail"))
    for _ in range(2):
        with pytest.raises(RefusedError, match="last administrator"):
            access.disable(services, "anna", reason="x")
        with pytest.raises(RefusedError, match="last administrator"):
            access.change_user(services, "anna", grants=[Grant("administrator", "other")], reason="x")
        added(services, "ben") if len(access.list_users(services)) == 2 else None
        if len(access.list_users(services)) == 3:
            access.disable(services, "ben", reason="x")
    assert access.of_session(services, enter(services)).may(Permission.ADMINISTER)
    assert [event for event, _, _ in world.audited()].count("user.changed") == 2


def test_of_two_administrators_who_disable_each_other_one_stays(world: World, services: Services) -> None:
    added(services)
    added(services, "ben")
    start = threading.Barrier(2)

    def act(name: str) -> None:
        mine = world.services()
        start.wait()
        with closing(mine.store), suppress(RefusedError):
            access.disable(mine, name, reason="x")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, ["anna", "ben"]))
    assert [bool(one["disabled_at"]) for one in access.list_users(services)].count(False) == 1


def test_an_administrator_of_one_partner_acts_on_it_alone(services: Services) -> None:
    added(services, "boss")
    added(services, "wide", Grant("viewer", "acme-retail"), Grant("viewer", "other"))
    added(services, "new", Grant("viewer", "acme-retail"))
    me = identity(services, "mine", Grant("administrator", "acme-retail"), Grant("viewer", "other"))
    _, key = access.make_key(services, "all", BOSS, reason="x")
    _, own = access.make_key(services, "own", [Grant("viewer", "acme-retail")], reason="x", by=me)
    assert [one["name"] for one in access.list_users(services, me)] == ["new"]
    assert [one["name"] for one in access.list_keys(services, by=me)] == ["own"]
    known: dict[str, Any] = {"reason": "x", "by": me}
    for act in (
        lambda: access.add_user(services, "ben", GOOD, BOSS, **known),
        lambda: access.add_user(services, "ben", GOOD, [Grant("viewer", "other")], **known),
        lambda: access.add_user(services, "ben", GOOD, [], **known),
        lambda: access.change_user(services, "new", grants=[Grant("viewer")], **known),
        lambda: access.change_user(services, "mine", grants=BOSS, **known),
        lambda: access.change_user(services, "wide", grants=[Grant("viewer", "acme-retail")], **known),
        lambda: access.set_password(services, "boss", OTHER, **known),
        lambda: access.set_password(services, "wide", OTHER, **known),
        lambda: access.disable(services, "boss", **known),
        lambda: access.make_key(services, "erp", BOSS, **known),
        lambda: access.revoke_key(services, key["id"], **known),
    ):
        with pytest.raises(ForbiddenError):
            act()
    access.change_user(services, "new", grants=[Grant("operator", "acme-retail")], **known)
    access.set_password(services, "new", OTHER, **known)
    access.revoke_key(services, own["id"], **known)
    access.disable(services, "new", **known)


# --- roles -----------------------------------------------------------------------------------------------

PARTNERS = ["acme-retail", "other", "third"]
GRANTS = st.builds(Grant, st.sampled_from([*access.ROLES]), st.sampled_from([*PARTNERS, access.ALL]))
SCOPES = st.none() | st.frozensets(st.sampled_from(Permission))


def somebody(grants: Any, scopes: Any = None) -> Identity:
    return Identity("web:a", "user", "1", tuple(grants), scopes=scopes)


@given(st.lists(GRANTS), GRANTS, SCOPES, st.sampled_from(Permission), st.sampled_from([*PARTNERS, None]))
def test_another_role_never_permits_less(
    grants: list[Grant], more: Grant, scopes: Any, permission: Permission, partner: str | None
) -> None:
    before, after = somebody(grants, scopes), somebody([*grants, more], scopes)
    assert before.may(permission, partner) <= after.may(permission, partner)
    assert somebody(grants, scopes).may(permission, partner) <= somebody(grants).may(permission, partner)
    few, many = before.partners(permission), after.partners(permission)
    assert many is None or (few is not None and few <= many)


@given(st.lists(GRANTS), SCOPES, st.sampled_from(Permission))
def test_the_partners_are_those_with_which_it_is_permitted(grants: Any, scopes: Any, one: Permission) -> None:
    known = somebody(grants, scopes)
    found = known.partners(one)
    assert (found is None) == known.may(one) == known.may(one, "a partner that is still to come")
    assert [known.may(one, partner) for partner in PARTNERS] == [
        found is None or partner in found for partner in PARTNERS
    ]


@pytest.mark.parametrize(
    ("role", "permits"),
    [("viewer", "r"), ("operator", "ro"), ("auditor", "ru"), ("administrator", "roau"), ("none", "")],
)
def test_what_roles_permit(role: str, permits: str) -> None:
    letters = {
        "r": Permission.READ,
        "o": Permission.OPERATE,
        "a": Permission.ADMINISTER,
        "u": Permission.AUDIT,
    }
    for letter, permission in letters.items():
        assert somebody([Grant(role)]).may(permission, "other") == (letter in permits)
        one = somebody([Grant(role, "other")])
        assert one.may(permission, "other") == (letter in permits)
        assert not one.may(permission, "acme-retail")
        assert not one.may(permission)


# --- keys ------------------------------------------------------------------------------------------------


def test_a_key_is_for_what_it_was_made_for_until_it_ends(world: World, services: Services) -> None:
    grants = [Grant("operator", "acme-retail")]
    text, row = access.make_key(services, "erp", grants, [Permission.READ], days=2, reason="for the ERP")
    known = access.of_key(services, text)
    assert (known.kind, known.actor, known.csrf) == ("key", f"key:erp/{row['id']}", "")
    assert known.may(Permission.READ, "acme-retail")
    assert not known.may(Permission.OPERATE, "acme-retail")
    assert known.partners(Permission.OPERATE) == frozenset()
    assert (row["created_by"], row["scopes"]) == ("tester", ["read"])
    secret = text.rpartition("_")[2]
    with reading(world.engine) as connection:
        kept = str([connection.execute(select(table)).all() for table in t.metadata.sorted_tables])
    assert secret not in kept
    assert secret not in str(row)
    for wrong in (
        *("", "edigw_", text[:-1], text + "0", text[:-1] + ("0" if text[-1] != "0" else "1"), text.upper()),
        *(f"edigw_{'0' * 12}_{secret}", f" {text}", f"{text}\n", "edigw_\ud800_\0"),
    ):
        with pytest.raises(LogInError):
            access.of_key(services, wrong)
    world.later(days=1.99)
    access.of_key(services, text)
    world.later(days=0.01)
    with pytest.raises(LogInError):
        access.of_key(services, text)


def test_when_a_key_was_used_is_written_once_a_minute(world: World, services: Services) -> None:
    text, _ = access.make_key(services, "erp", BOSS, reason="x")
    used = []
    for _ in range(5):
        access.of_key(services, text)
        used.append(access.list_keys(services)[0]["last_used_at"])
        world.later(seconds=25)
    assert used == [as_text(NOW + timedelta(seconds=one)) for one in (0, 0, 0, 75, 75)]


def test_a_key_is_revoked_once_and_for_all(world: World, services: Services) -> None:
    text, row = access.make_key(services, "erp", BOSS, reason="x")
    access.revoke_key(services, row["id"], reason="lost")
    with pytest.raises(LogInError):
        access.of_key(services, text)
    with pytest.raises(RefusedError, match="already"):
        access.revoke_key(services, row["id"], reason="lost")
    for unknown in ("nobody", "\0", "\ud800"):
        with pytest.raises(NotFoundError):
            access.revoke_key(services, unknown, reason="lost")
    assert [event for event, _, _ in world.audited()] == ["key.made", "key.revoked"]


@pytest.mark.parametrize(
    "changes", [{"name": "a b"}, {"name": ""}, {"days": 0}, {"days": 3651}, {"scopes": []}, {"grants": []}]
)
def test_keys_that_cannot_be_are_refused(services: Services, changes: dict[str, Any]) -> None:
    known: dict[str, Any] = {"name": "erp", "grants": BOSS, "reason": "x", **changes}
    with pytest.raises(RefusedError):
        access.make_key(services, **known)


# --- first run -------------------------------------------------------------------------------------------


def test_the_first_administrator_is_made_once_with_a_token(world: World, services: Services) -> None:
    assert access.needs_set_up(services)
    first, second = access.set_up_token(services), access.set_up_token(world.services())  # two processes
    with pytest.raises(LogInError):
        access.set_up(services, "guess", "anna", GOOD)
    with pytest.raises(RefusedError, match="characters"):
        access.set_up(services, first, "anna", "short")
    user = access.set_up(services, first, "anna", GOOD)
    assert not user["must_change"]
    assert not access.needs_set_up(services)
    for token in (first, second):
        with pytest.raises(RefusedError, match="already"):
            access.set_up(services, token, "ben", GOOD)
    assert [(event, actor) for event, actor, _ in world.audited()] == [("user.added", "web:anna")]
    assert access.of_session(services, enter(services)).may(Permission.ADMINISTER)


def test_a_token_of_the_first_run_ends(world: World, services: Services) -> None:
    token = access.set_up_token(services)
    world.later(hours=24.1)
    with pytest.raises(LogInError, match="again"):
        access.set_up(services, token, "anna", GOOD)
    assert access.needs_set_up(services)


def test_of_two_who_set_it_up_at_once_one_does(world: World, services: Services) -> None:
    tokens = [access.set_up_token(services) for _ in range(4)]
    start, done = threading.Barrier(4), []

    def act(number: int) -> None:
        mine = world.services()
        start.wait()
        with closing(mine.store), suppress(EdiError):
            done.append(access.set_up(mine, tokens[number], f"user{number}", GOOD))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(4)))
    assert len(done) == len(access.list_users(services)) == 1


def test_who_may_administer_one_partner_does_not_end_the_first_run(services: Services) -> None:
    added(services, "local", Grant("administrator", "acme-retail"))
    added(services, "viewer", Grant("viewer"))
    assert access.needs_set_up(services)


# --- what else is kept -----------------------------------------------------------------------------------


def test_a_request_is_answered_once(world: World, services: Services) -> None:
    store = services.store
    known = {"method": "POST", "path": "/api/v1/messages", "fingerprint": "aa"}

    def begin(actor: str = "key:a", key: str = "k1") -> dict[str, Any] | None:
        with store.transaction():
            return store.access.begin(actor, key, **known, kept=world.now - timedelta(hours=24))

    assert begin() is None
    again = begin()
    assert again is not None
    assert (again["state"], again["path"], again["fingerprint"]) == ("running", "/api/v1/messages", "aa")
    assert begin("key:b") is None  # of another
    with store.transaction():
        store.access.end("key:a", "k1", 201, '[["etag", "1"]]', b"\x00{}")
        store.access.forget("key:b", "k1")
    done = begin()
    assert done is not None
    assert (done["state"], done["status"], done["headers"], done["body"]) == (
        *("done", 201, '[["etag", "1"]]', b"\x00{}"),
    )
    assert begin("key:b") is None
    world.later(hours=24.1)
    assert begin() is None
    with ThreadPoolExecutor(4) as pool:

        def race(_: int) -> bool:
            mine = world.services().store
            with closing(mine), mine.transaction():
                return mine.access.begin("key:c", "k", **known, kept=NOW) is None

        assert sum(pool.map(race, range(8))) == 1


def test_views_are_kept_for_whoever_saved_them(services: Services) -> None:
    me, other = somebody([]), replace(somebody([]), id="2")
    access.save_view(services, me, "messages", " late  ones ", "person=1")
    access.save_view(services, me, "messages", "late ones", "person=1&partner=acme")
    access.save_view(services, other, "messages", "mine", "a=1")
    views = services.store.access.views
    assert views("1", "messages") == {"late ones": "person=1&partner=acme"}
    assert views("1", "documents") == {}
    access.save_view(services, me, "messages", "late ones", "")
    assert views("1", "messages") == {}
    for name, query in (("", "a"), ("x" * 61, "a"), ("x", "a" * 2001), ("x", "a\0")):
        with pytest.raises(RefusedError):
            access.save_view(services, me, "messages", name, query)
    for number in range(access.MAX_VIEWS):
        access.save_view(services, me, "messages", f"v{number}", "a=1")
    access.save_view(services, me, "messages", "v1", "a=2")
    with pytest.raises(RefusedError, match="Remove"):
        access.save_view(services, me, "messages", "more", "a=1")


def test_who_acts_is_told_of_each_request_and_reset(gateway: Gateway) -> None:
    start = threading.Barrier(4)

    def act(number: int) -> None:
        try:
            with gateway.acting(f"web:user{number}") as services:
                start.wait()
                with gateway.acting("key:inner") as other, other.store.transaction():
                    assert other is not services
                    other.store.audit("user.added", user=f"inner{number}", grants="", reason="")
                with services.store.transaction():
                    services.store.audit("user.added", user=f"user{number}", grants="", reason="")
                raise ZeroDivisionError
        except ZeroDivisionError:
            assert gateway.services.store.actor == "gateway"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(4)))
    with reading(gateway.engine) as connection:
        found = connection.execute(
            select(t.audit.c.actor, t.audit.c.facts).where(t.audit.c.event == "user.added")
        )
        by = {orjson.loads(facts)["user"]: actor for actor, facts in found}
    wanted = {f"user{number}": f"web:user{number}" for number in range(4)}
    assert by == wanted | {f"inner{number}": "key:inner" for number in range(4)}
