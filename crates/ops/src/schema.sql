-- Operational state: what the running of the installation needs and the log does not hold.
create table if not exists api_key (
    digest    blob primary key,
    principal blob not null,
    key       blob not null
) strict, without rowid;

create table if not exists secret (
    name  text primary key,
    value blob not null
) strict, without rowid;

create table if not exists note (
    name  text primary key,
    value text not null
) strict, without rowid;
