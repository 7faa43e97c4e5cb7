-- Who comes in: keys and sessions alike, in the order in which they count, and how often. Still one round trip.

alter table sessions add column life_seconds integer not null default 604800 check (life_seconds > 0);
comment on column sessions.life_seconds is 'how long the session lives after it was last seen; expires_at is moved at most once a day';


create function count_request(bucket text, window_seconds integer)
  returns table (hits integer, resets_at timestamptz)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into rate_limits as kept (bucket, window_start, hits)
  values (count_request.bucket,
          to_timestamp(floor(extract(epoch from now()) / window_seconds) * window_seconds),
          1)
  on conflict (bucket, window_start) do update set hits = kept.hits + 1
  returning kept.hits, kept.window_start + make_interval(secs => window_seconds)
$$;
comment on function count_request is 'one more request of this bucket in the present window: how many it has now, and when the next window begins';


create function organization_of(item_kind text, item_id uuid, item_key text) returns uuid
  language sql stable security definer set search_path = public, pg_temp
as $$
  select case item_kind
    when 'organization'   then (select o.id from organizations o where o.id = item_id and o.deleted_at is null)
    when 'collection'     then (select c.organization_id from collections c where c.id = item_id)
    when 'media'          then coalesce((select m.organization_id from media m where m.id = item_id),
                                        (select v.organization_id from versions v where v.id = item_id))
    when 'upload'         then (select p.organization_id from uploads p where p.id = item_id)
    when 'upload_version' then (select p.organization_id from uploads p where p.version_id = item_id)
    when 'upload_key'     then (select p.organization_id from uploads p where p.key = item_key)
  end
$$;
comment on function organization_of is 'whose the item of a route is, deleted or not; null: it is not there';


drop function authenticate(bytea, uuid, text, uuid, text, boolean);

create function authenticate(
    credentials bytea[], address text, organization uuid, item_kind text, item_id uuid, item_key text, item_decides boolean, session_decides boolean,
    tier text, counted_by text, window_seconds integer)
  returns table (
    credential_number integer, user_id uuid, email text, user_name text, key_id uuid, session_id uuid, scopes text[],
    organization_state text, organization_id uuid, organization_name text, role text, item_state text,
    hits integer, resets_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  item_organization   uuid;
  active_organization uuid;
  wanted              uuid;
  bucket              text;
begin
  for number in 1 .. coalesce(cardinality(credentials), 0) loop
    select u.id, u.email::text, u.name, k.id, k.scopes
      into user_id, email, user_name, key_id, scopes
      from api_keys k
      join users u on u.id = k.user_id
     where k.key_hash = credentials[number]
       and (k.revoked_at is null or k.revoked_at > now())
       and (k.expires_at is null or k.expires_at > now());
    if not found then
      select u.id, u.email::text, u.name, s.id, s.active_organization_id
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
      select c.hits, c.resets_at into hits, resets_at from count_request(concat_ws(':', 'address', address, tier), window_seconds) c;
    end if;
    organization_state := 'none';
    item_state := 'none';
    return next;
    return;
  end if;

  update api_keys k set last_used_at = now()
   where k.id = authenticate.key_id and (k.last_used_at is null or k.last_used_at < now() - interval '5 minutes');
  update sessions s set expires_at = now() + make_interval(secs => s.life_seconds)
   where s.id = authenticate.session_id and s.expires_at < now() + make_interval(secs => s.life_seconds) - interval '1 day';

  item_organization := organization_of(item_kind, item_id, item_key);
  wanted := coalesce(
    case when item_decides then item_organization end,
    organization,
    case when session_decides then (select m.organization_id
                                      from memberships m
                                      join organizations o on o.id = m.organization_id and o.deleted_at is null
                                     where m.organization_id = active_organization and m.user_id = authenticate.user_id) end,
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

  -- Last, so that the row of a busy bucket is held for the shortest time.
  if window_seconds is not null then
    bucket := case when counted_by = 'organization' and role is not null then concat_ws(':', 'organization', organization_id, tier)
                   when counted_by = 'organization'                      then concat_ws(':', 'user', user_id, tier)
                   else                                                       concat_ws(':', 'credential', coalesce(key_id, session_id), tier) end;
    select c.hits, c.resets_at into hits, resets_at from count_request(bucket, window_seconds) c;
  end if;
  return next;
end $$;
comment on function authenticate is
  'who holds the first of these credentials (SHA-256) that is good, in which organization, in which role, is the route''s item there, and how many '
  'requests were made: one round trip, always one row. user_id null: nobody, and the request was counted against the address. '
  'organization_state member | stranger | absent | none; item_state here | elsewhere | absent | none. item_decides: the item''s own organization is '
  'the one opened; session_decides: the session''s active one goes before the earliest membership. window_seconds null: nothing is counted';

create function open_session(id uuid, person uuid, token_hash bytea, life_seconds integer, ip_address text, user_agent text) returns timestamptz
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into sessions (id, user_id, token_hash, life_seconds, ip_address, user_agent, expires_at)
  values (open_session.id, person, open_session.token_hash, open_session.life_seconds, open_session.ip_address, left(open_session.user_agent, 400),
          now() + make_interval(secs => open_session.life_seconds))
  returning sessions.expires_at
$$;
comment on function open_session is 'a session of a person who was recognized, by a token of which only the hash is known; when it ends if it is not used';

revoke execute on function organization_of(text, uuid, text),
                           open_session(uuid, uuid, bytea, integer, text, text),
                           count_request(text, integer),
                           authenticate(bytea[], text, uuid, text, uuid, text, boolean, boolean, text, text, integer) from public;
grant execute on function open_session(uuid, uuid, bytea, integer, text, text),
                          count_request(text, integer),
                          authenticate(bytea[], text, uuid, text, uuid, text, boolean, boolean, text, text, integer) to vitrine_app;
