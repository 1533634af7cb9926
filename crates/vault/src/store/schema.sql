-- The keys of subjects, wrapped, and what was destroyed. Whoever has only this file can read nothing.
create table if not exists subject_key (
    key_id      blob primary key,
    subject     blob not null,
    purpose     text not null,
    -- Both are null once the key is destroyed. What is left is the tombstone.
    kek_version integer,
    wrapped     blob,
    -- The erasure that asked for it.
    erasure     blob,
    -- Whether the bytes are in no file any more, neither in free pages nor in the write-ahead log.
    scrubbed    integer not null default 0,
    check ((wrapped is null) = (kek_version is null)),
    check ((wrapped is null) = (erasure is not null))
) strict, without rowid;

create unique index if not exists subject_key_live on subject_key (subject, purpose) where wrapped is not null;
create index if not exists subject_key_subject on subject_key (subject, purpose);
create index if not exists subject_key_version on subject_key (kek_version);
create index if not exists subject_key_unscrubbed on subject_key (scrubbed) where wrapped is null and scrubbed = 0;

create trigger if not exists tombstone_stays before update on subject_key
    when old.wrapped is null and new.wrapped is not null begin
    select raise(abort, 'a destroyed key does not come back');
end;

create trigger if not exists subject_key_stays before delete on subject_key begin
    select raise(abort, 'a key is destroyed, not deleted: its tombstone stays');
end;

-- Who is known already: keyed digests. The row ends with the subject's identity key.
create table if not exists person (
    digest  blob primary key,
    subject blob not null
) strict, without rowid;

create index if not exists person_subject on person (subject);

-- The keys of digests that must stay the same for ever: wrapped anew, never replaced.
create table if not exists fingerprint_key (
    name        text primary key,
    kek_version integer not null,
    wrapped     blob not null
) strict, without rowid;
