-- Uploads remember the key that was used for them last, so that rights are checked again when an upload is finalized; and what an open upload
-- reserves ends by time, in the query that adds it up.

alter table uploads add column key_id uuid;
comment on column uploads.key_id is
  'the API key that its uploader used last to create, sign or complete it; null: a session. No foreign key: a check of one would bypass the policies';
comment on column uploads.reserved_bytes is 'what this upload may land: it counts against the quota while the upload is open and expires_at, or a lease, lies ahead';
comment on column uploads.expires_at is
  'of parts and imports: when the session ends. Of a presigned form: when its policy has expired and its bytes must have been seen. Of a form that '
  'was sent to the API: when its request must be over';

drop index uploads_open;
create index uploads_open on uploads (organization_id) include (reserved_bytes, expires_at, lease_until)
 where state in ('created', 'uploading', 'completing');

-- Forms that were signed before reserve for as long as a form lives by default, and the time its bytes may take.
update uploads set expires_at = least(expires_at, created_at + interval '75 minutes')
 where method = 'post' and state in ('created', 'uploading', 'completing');


create function working_key_scopes(key uuid, person uuid) returns text[]
  language sql stable security definer set search_path = public, pg_temp
as $$
  select k.scopes
    from api_keys k
   where k.id = working_key_scopes.key
     and k.user_id = person
     and (k.revoked_at is null or k.revoked_at > now())
     and (k.expires_at is null or k.expires_at > now())
$$;
comment on function working_key_scopes is 'the scopes that this key of this person has now; null: it was revoked, has expired, or there is none';

revoke execute on function working_key_scopes(uuid, uuid) from public;
grant execute on function working_key_scopes(uuid, uuid) to vitrine_app, vitrine_worker;
