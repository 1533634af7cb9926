-- What every generation has besides the tables of its projections.

create table meta (
    id     integer primary key check (id = 1),
    schema text not null
) strict;

-- Everything up to this position is in the tables; `hash` is the leaf hash of the event there. Who
-- writes raises `epoch` first: whoever still holds an older one writes no more.
create table cursor (
    id       integer primary key check (id = 1),
    position integer not null,
    hash     blob    not null,
    epoch    integer not null
) strict;

insert into cursor (id, position, hash, epoch) values (1, 0, x'', 0);
