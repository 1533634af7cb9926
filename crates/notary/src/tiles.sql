-- Full tiles of the log's tree (C2SP tlog-tiles): 256 hashes of 32 bytes. Derived; can be made again.
create table tile (
    level  integer not null,
    place  integer not null,
    hashes blob    not null,
    primary key (level, place)
) strict, without rowid;
