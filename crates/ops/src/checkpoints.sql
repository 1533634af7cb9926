-- Signed checkpoints that others have vouched for; times are seconds since 1970.
create table if not exists checkpoint (
    size       integer not null,
    kept_at    integer not null,
    note       text not null,
    stamped_at integer,
    timestamp  blob,
    primary key (size, kept_at)
) strict, without rowid;
