-- A version can be asked for again: its frames are made anew, under a generation of their own, and the old ones go once nobody can read them.

alter table versions
  add column reprocess_requested_at timestamptz,
  add column reprocess_failure      text,
  add check (reprocess_requested_at is null or key is not null),
  add check (reprocess_requested_at is null or processing <> 'failed'),
  add check (reprocess_failure is null or processing = 'ready');
comment on column versions.reprocess_requested_at is 'since when its frames are wanted anew; null: they are not';
comment on column versions.reprocess_failure is 'why that came to nothing, and the frames are those it had before; null: it did not';
comment on column objects.hold_until is
  'of a derived object: until when a URL that was signed may read it, which is as long as it stays in the store. Of any other: until when a client '
  'may still write this key (a POST policy); the row is kept at least as long';

create index versions_asked_again on versions (id) where reprocess_requested_at is not null;
create index media_failed on media (organization_id, collection_id, id) where status = 'active' and processing = 'failed';
