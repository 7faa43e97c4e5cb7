-- Functions: authentication and admission of a request in one round trip, and idempotency keys.

create function organization_of(item_kind text, item_id uuid, item_key text) returns uuid
  language sql stable security definer set search_path = public, pg_temp
as $$
  select case item_kind
    when 'organization'   then (select o.id from organizations o
                                 where o.id = item_id and o.deleted_at is null)
    when 'collection'     then coalesce((select c.organization_id from collections c where c.id = item_id),
                                        (select d.organization_id from deletions d
                                          where d.root_id = item_id and d.state in ('purging', 'purged')
                                            and d.kind = 'collection' limit 1))
    when 'media'          then coalesce((select m.organization_id from media m where m.id = item_id),
                                        (select v.organization_id from versions v where v.id = item_id),
                                        (select d.organization_id from deletions d
                                          where d.root_id = item_id and d.state in ('purging', 'purged')
                                            and d.kind <> 'collection' limit 1),
                                        (select d.organization_id
                                           from deletion_roots r
                                           join deletions d on d.id = r.deletion_id
                                          where r.root_id = item_id and d.state in ('purging', 'purged')
                                          limit 1))
    when 'upload'         then (select p.organization_id from uploads p where p.id = item_id)
    when 'upload_version' then (select p.organization_id from uploads p where p.version_id = item_id)
    when 'upload_key'     then (select p.organization_id from uploads p where p.key = item_key)
  end
$$;
comment on function organization_of is
  'the organization of a route''s item, which may be deleted or purged; null: the item is missing';

create function authenticate(
    credentials bytea[], address text, organization uuid, item_kind text, item_id uuid, item_key text,
    item_decides boolean, session_decides boolean, tier text, counted_by text, window_seconds integer,
    preferred uuid default null)
  returns table (
    credential_number integer, user_id uuid, email text, user_name text, key_id uuid, session_id uuid,
    scopes text[],
    organization_state text, organization_id uuid, organization_name text, role text, item_state text,
    hits integer, resets_at timestamptz, bucket text, preferred_is_own boolean)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  item_organization   uuid;
  active_organization uuid;
  wanted              uuid;
  own                 uuid[];     -- those of preferred and active_organization that the person belongs to
begin
  for number in 1 .. coalesce(cardinality(credentials), 0) loop
    select u.id, u.email, u.name, k.id, k.scopes
      into user_id, email, user_name, key_id, scopes
      from api_keys k
      join users u on u.id = k.user_id
     where k.key_hash = credentials[number]
       and (k.revoked_at is null or k.revoked_at > now())
       and (k.expires_at is null or k.expires_at > now());
    if not found then
      select u.id, u.email, u.name, s.id, s.active_organization_id
        into user_id, email, user_name, session_id, active_organization
        from sessions s
        join users u on u.id = s.user_id
       where s.token_hash = credentials[number]
         and s.expires_at > now();
    end if;
    if found then
      credential_number := number;
      exit;
    end if;
  end loop;

  if user_id is null then
    if window_seconds is not null then
      bucket := concat_ws(':', 'address', address, tier);
      select c.hits, c.resets_at into hits, resets_at from count_request(bucket, window_seconds) c;
    end if;
    organization_state := 'none';
    item_state := 'none';
    return next;
    return;
  end if;

  update api_keys k set last_used_at = now()
   where k.id = authenticate.key_id
     and (k.last_used_at is null or k.last_used_at < now() - interval '5 minutes');
  update sessions s set expires_at = now() + make_interval(secs => s.life_seconds)
   where s.id = authenticate.session_id
     and s.expires_at < now() + make_interval(secs => s.life_seconds) - interval '1 day';

  if preferred is not null or active_organization is not null then
    own := array(select m.organization_id
                   from memberships m
                   join organizations o on o.id = m.organization_id and o.deleted_at is null
                  where m.user_id = authenticate.user_id
                    and m.organization_id in (preferred, active_organization));
    preferred_is_own := preferred = any (own);
    if active_organization <> all (own) then
      update sessions s set active_organization_id = null
       where s.id = authenticate.session_id and s.active_organization_id = active_organization;
    end if;
  end if;

  item_organization := organization_of(item_kind, item_id, item_key);
  wanted := coalesce(
    case when item_decides then item_organization end,
    organization,
    case when preferred_is_own then preferred end,
    case when session_decides and active_organization = any (own) then active_organization end,
    (select m.organization_id
       from memberships m
       join organizations o on o.id = m.organization_id and o.deleted_at is null
      where m.user_id = authenticate.user_id
      order by m.joined_at, m.organization_id
      limit 1));

  select o.id, o.name, m.role
    into organization_id, organization_name, role
    from organizations o
    left join memberships m on m.organization_id = o.id and m.user_id = authenticate.user_id
   where o.id = wanted and o.deleted_at is null;

  organization_state := case when wanted is null            then 'none'
                             when organization_id is null   then 'absent'
                             when role is null              then 'stranger'
                             else                                'member' end;
  item_state := case when item_kind is null                                            then 'none'
                     when item_organization is null                                    then 'absent'
                     when role is null or item_organization <> organization_id         then 'elsewhere'
                     else                                                                   'here' end;

  -- Last, so that the row of a busy bucket is locked for the shortest time.
  if window_seconds is not null then
    bucket := case
      when counted_by = 'organization' and role is not null
        then concat_ws(':', 'organization', organization_id, tier)
      when counted_by = 'organization'
        then concat_ws(':', 'user', user_id, tier)
      else concat_ws(':', 'credential', coalesce(key_id, session_id), tier) end;
    select c.hits, c.resets_at into hits, resets_at from count_request(bucket, window_seconds) c;
  end if;
  return next;
end $$;
comment on function authenticate is
  'the person of the first valid credential (SHA-256), their organization and role in it, the state of the '
  'route''s item, and the number of requests: always one row. user_id null: no credential is valid, and the '
  'request was counted for the address. organization_state member | stranger (no member) | absent | none; '
  'item_state here | elsewhere (in another organization, or the person is no member of it) | absent | none. '
  'The organization is that of the item where item_decides, else `organization`, else `preferred` where the '
  'person belongs to it '
  '(preferred_is_own; null: none was given), else the session''s active one where session_decides, else the '
  'earliest membership. An active organization that the person no longer belongs to is reset. '
  'window_seconds null: nothing is counted; else bucket is the counted one';

grant execute on function authenticate(
    bytea[], text, uuid, text, uuid, text, boolean, boolean, text, text, integer, uuid)
  to vitrine_app;


-- Idempotency keys.

create function claim_request(
    person uuid, organization uuid, route text, key text, request_hash bytea, lease_seconds integer,
    keep_seconds integer)
  returns table (state text, claim timestamptz, answer jsonb)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  stored_hash bytea;
begin
  insert into idempotency_keys as stored
         (user_id, organization_id, route, key, request_hash, locked_until, expires_at)
  values (person, organization, claim_request.route, claim_request.key, claim_request.request_hash,
          clock_timestamp() + make_interval(secs => lease_seconds),
          now() + make_interval(secs => keep_seconds))
  on conflict (user_id, organization_id, route, key) do update
     set request_hash = excluded.request_hash, locked_until = excluded.locked_until,
         expires_at = excluded.expires_at,
         answer = null, created_at = now()
   where stored.expires_at < now() or (stored.answer is null and stored.locked_until < now())
  returning stored.locked_until into claim;
  if claim is not null then
    state := 'mine';
    return next;
    return;
  end if;

  select stored.request_hash, stored.answer
    into stored_hash, answer
    from idempotency_keys stored
   where stored.user_id = person
     and stored.organization_id is not distinct from organization
     and stored.route = claim_request.route
     and stored.key = claim_request.key;
  state := case when stored_hash <> claim_request.request_hash then 'other'
                when answer is not null                        then 'answered'
                else                                                'running' end;
  return next;
end $$;
comment on function claim_request is
  'claim an idempotency key for this request: mine (process the request, then call finish_request) | '
  'answered (with the stored answer) | running (a request with this key is in progress) | other (the key '
  'belongs to a different request)';

create function finish_request(
    person uuid, organization uuid, route text, key text, claim timestamptz, answer jsonb) returns void
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  if finish_request.answer is null then
    delete from idempotency_keys stored
     where stored.user_id = person and stored.organization_id is not distinct from organization
       and stored.route = finish_request.route and stored.key = finish_request.key
       and stored.locked_until = claim;
  else
    update idempotency_keys stored set answer = finish_request.answer
     where stored.user_id = person and stored.organization_id is not distinct from organization
       and stored.route = finish_request.route and stored.key = finish_request.key
       and stored.locked_until = claim;
  end if;
end $$;
comment on function finish_request is
  'store the answer for repetitions of the request; null frees the key. No effect where the claim was lost';

grant execute on function claim_request(uuid, uuid, text, text, bytea, integer, integer),
                          finish_request(uuid, uuid, text, text, timestamptz, jsonb) to vitrine_app;


-- For the job that deletes expired rows: at most max_rows at a time, in the order of their ids. Rate limits
-- have no id and are deleted in the order of window_start.

create function expire_sessions(at timestamptz, after uuid, max_rows integer, dry_run boolean)
  returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with expired as (
    select s.id
      from sessions s
     where s.expires_at <= at
       and (after is null or s.id > after)
     order by s.id
     limit max_rows),
  deleted as (
    delete from sessions s using expired where s.id = expired.id and s.expires_at <= at and not dry_run)
  select expired.id from expired order by expired.id
$$;

create function expire_device_codes(at timestamptz, after uuid, max_rows integer, dry_run boolean)
  returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with expired as (
    select d.id
      from device_codes d
     where d.expires_at <= at
       and (after is null or d.id > after)
     order by d.id
     limit max_rows),
  deleted as (
    delete from device_codes d using expired where d.id = expired.id and d.expires_at <= at and not dry_run)
  select expired.id from expired order by expired.id
$$;

create function expire_api_keys(at timestamptz, after uuid, max_rows integer, dry_run boolean)
  returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with expired as (
    select k.id
      from api_keys k
     where least(k.revoked_at, k.expires_at) <= at        -- the earlier of the two; null only where both are
       and (after is null or k.id > after)
     order by k.id
     limit max_rows),
  deleted as (
    delete from api_keys k using expired
     where k.id = expired.id and least(k.revoked_at, k.expires_at) <= at and not dry_run)
  select expired.id from expired order by expired.id
$$;

create function expire_rate_limits(at timestamptz, max_rows integer, dry_run boolean) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with expired as (
    select r.bucket, r.window_start
      from rate_limits r
     where r.window_start <= at
     order by r.window_start
     limit max_rows),
  deleted as (
    delete from rate_limits r using expired
     where r.bucket = expired.bucket and r.window_start = expired.window_start and not dry_run)
  select count(*)::integer from expired
$$;

grant execute on function expire_sessions(timestamptz, uuid, integer, boolean),
                          expire_device_codes(timestamptz, uuid, integer, boolean),
                          expire_api_keys(timestamptz, uuid, integer, boolean),
                          expire_rate_limits(timestamptz, integer, boolean) to vitrine_worker;
