-- The stored form of a log (design.md section 4). Never edited: a change is a new version of the
-- schema with a migration beside it.

create table log_head (
    id     integer primary key check (id = 1),
    origin text    not null,
    level  integer not null,
    size   integer not null,
    root   blob    not null,
    range  blob    not null,
    at     integer not null
) strict;

create table stream (
    sid  integer primary key,
    name text    not null unique
) strict;

create table event_type (
    tid  integer primary key,
    name text    not null unique
) strict;

-- The leaf holds the exact bytes that were hashed. The columns beside it are an index.
create table event (
    pos       integer primary key,
    sid       integer not null,
    sv        integer not null,
    tid       integer not null,
    at        integer not null,
    leaf_hash blob    not null,
    leaf      blob    not null,
    open      text    not null,
    tags      blob    not null
) strict;

create unique index event_stream on event (sid, sv);

create table tag (
    tag  integer primary key,
    name text    not null unique
) strict;

-- Derived from event.tags; can be made again.
create table tag_segment (
    tag       integer not null,
    segment   integer not null,
    positions blob    not null,
    primary key (tag, segment)
) strict, without rowid;

create table log_command (
    cmd    blob    primary key,
    digest blob,
    first  integer not null,
    count  integer not null,
    at     integer not null
) strict, without rowid;

-- Ciphertexts: outside the guards, only the erasure role deletes them.
create table sealed_slot (
    digest blob primary key,
    bytes  blob not null
) strict, without rowid;

-- Guards. They prevent accidents; the tree proves what guards cannot prevent. `insert or replace`
-- deletes without a delete trigger unless recursive_triggers is on, so the insert itself is guarded.
-- They roll the transaction back instead of undoing the statement, which spares SQLite a journal of
-- every page that a statement touches.
create trigger event_no_update before update on event begin
    select raise(rollback, 'events are never changed');
end;
create trigger event_no_delete before delete on event begin
    select raise(rollback, 'events are never deleted');
end;
create trigger event_no_replace before insert on event
when new.pos <= (select size from log_head)
  or exists (select 1 from event where sid = new.sid and sv = new.sv)
begin
    select raise(rollback, 'an event is there already');
end;
create trigger stream_no_update before update on stream begin
    select raise(rollback, 'streams are never renamed');
end;
create trigger stream_no_delete before delete on stream begin
    select raise(rollback, 'streams are never deleted');
end;
create trigger stream_no_replace before insert on stream
when exists (select 1 from stream where sid = new.sid or name = new.name)
begin
    select raise(rollback, 'a stream is there already');
end;
create trigger event_type_no_update before update on event_type begin
    select raise(rollback, 'event types are never renamed');
end;
create trigger event_type_no_delete before delete on event_type begin
    select raise(rollback, 'event types are never deleted');
end;
create trigger event_type_no_replace before insert on event_type
when exists (select 1 from event_type where tid = new.tid or name = new.name)
begin
    select raise(rollback, 'an event type is there already');
end;
create trigger log_head_no_delete before delete on log_head begin
    select raise(rollback, 'the head is never deleted');
end;
create trigger log_head_no_replace before insert on log_head when exists (select 1 from log_head)
begin
    select raise(rollback, 'the head is there already');
end;
create trigger log_head_grows before update on log_head
when new.size < old.size or new.origin <> old.origin or new.level < old.level or new.at < old.at
begin
    select raise(rollback, 'the head only grows');
end;
create trigger log_command_no_delete before delete on log_command begin
    select raise(rollback, 'command ids are kept for ever');
end;
create trigger log_command_no_replace before insert on log_command
when exists (select 1 from log_command where cmd = new.cmd)
begin
    select raise(rollback, 'a command id is there already');
end;
create trigger log_command_only_forgets before update on log_command
when new.cmd <> old.cmd or new.first <> old.first or new.count <> old.count or new.at <> old.at
  or new.digest is not null
begin
    select raise(rollback, 'of a command only the digest is forgotten');
end;
