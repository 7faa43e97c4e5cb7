-- What ends together: device codes with the session that approved them, API keys with the key that made them, invitations with the rights of those
-- who wrote them. Also: a browser's stored choice of an organization may be out of date, and a request that is right is not counted as a guess.

-- Device codes.

alter table device_codes add column session_id uuid references sessions (id) on delete cascade;
create index device_codes_by_session on device_codes (session_id) where session_id is not null;
create index device_codes_by_person on device_codes (user_id) where user_id is not null;
comment on column device_codes.session_id is 'the session that approved the login: a code that nobody has redeemed ends with it. Null: not approved';

drop function decide_device_code(text, uuid, text);
create function decide_device_code(user_code text, person uuid, session uuid, decision text) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
  asked device_codes;
begin
  -- The session is locked before its row is named: whoever ends it waits, and then finds this code among those that end with it.
  perform from sessions s where s.id = session and s.user_id = person and s.expires_at > now() for key share;
  if not found then
    return 'signed_out';
  end if;
  select * into asked from device_codes d where d.user_code = decide_device_code.user_code for update;
  if asked.id is null then
    return 'unknown';
  elsif asked.expires_at <= now() then
    return 'expired';   -- the row stays, for the device to be told so
  elsif asked.status <> 'pending' then
    return 'decided';
  end if;
  update device_codes d
     set status = decision, user_id = person, session_id = case when decision = 'approved' then session end
   where d.id = asked.id;
  return decision;
end $$;
comment on function decide_device_code is
  'the person''s decision (approved | denied), once: that, or why it changed nothing: unknown | expired | decided | signed_out (the session has ended)';

create or replace function poll_device_code(
    code_hash bytea, client text, session_id uuid, token_hash bytea, life_seconds integer, ip_address text, user_agent text)
  returns table (state text, scope text)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  asked device_codes;
begin
  -- Polls of one code come one after the other; whoever waited for the one that ended the login finds no row.
  select * into asked from device_codes d where d.device_code_hash = code_hash for update;
  scope := asked.scope;
  state := case when asked.id is null                                                            then 'unknown'
                when asked.client_id <> client                                                   then 'of_another_client'
                when asked.polled_at > now() - make_interval(secs => asked.interval_seconds)      then 'too_early'
                when asked.expires_at <= now()                                                   then 'expired'
                else                                                                                  asked.status end;
  if state = 'approved' and not exists (select from sessions s where s.id = asked.session_id and s.expires_at > now()) then
    state := 'unknown';   -- the session that approved the login has run out since
    delete from device_codes d where d.id = asked.id;
  elsif state = 'pending' then
    update device_codes d set polled_at = now() where d.id = asked.id;
  elsif state in ('approved', 'denied', 'expired') then
    delete from device_codes d where d.id = asked.id;
  end if;
  if state = 'approved' then
    perform open_session(poll_device_code.session_id, asked.user_id, token_hash, life_seconds, ip_address, user_agent);
  end if;
  return next;
end $$;

create or replace function end_other_sessions(person uuid, kept uuid) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  -- Codes first: a poll that is under way has the code's row locked, and its new session is then among those that end.
  delete from device_codes d where d.user_id = person and d.status = 'approved';
  with ended as (delete from sessions s where s.user_id = person and s.id is distinct from kept returning s.id)
  select count(*)::integer from ended
$$;
comment on function end_other_sessions is
  'no session of this person is left but the one kept, nor a device code that any of their sessions approved and nobody has redeemed; how many ended';


-- Requests are counted before they are done, so that guesses made at once are counted too. One that was right is then taken back.

drop function forgive_sign_in(text[], integer);
create function uncount_request(buckets text[], began timestamptz) returns void
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
  named text;
begin
  -- One after another, in the order in which they were counted: one statement for all locks them in any order, and two requests deadlock.
  foreach named in array buckets loop
    update rate_limits r set hits = r.hits - 1 where r.bucket = named and r.window_start = began and r.hits > 0;
  end loop;
end $$;
comment on function uncount_request is
  'one request less of these buckets, in the window that began then; the buckets are given in the order in which they are counted';


-- Who comes in. New are `preferred` and what tells of it, and the bucket that was counted.

drop function authenticate(bytea[], text, uuid, text, uuid, text, boolean, boolean, text, text, integer);
create function authenticate(
    credentials bytea[], address text, organization uuid, item_kind text, item_id uuid, item_key text, item_decides boolean, session_decides boolean,
    tier text, counted_by text, window_seconds integer, preferred uuid default null)
  returns table (
    credential_number integer, user_id uuid, email text, user_name text, key_id uuid, session_id uuid, scopes text[],
    organization_state text, organization_id uuid, organization_name text, role text, item_state text,
    hits integer, resets_at timestamptz, bucket text, preferred_is_own boolean)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  item_organization   uuid;
  active_organization uuid;
  wanted              uuid;
  own                 uuid[];     -- of the two choices that were stored earlier, those that are still the person's
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
      bucket := concat_ws(':', 'address', address, tier);
      select c.hits, c.resets_at into hits, resets_at from count_request(bucket, window_seconds) c;
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
  'the one opened; organization is one named outright; preferred is a choice stored earlier, which counts only where it is one of the person''s own '
  '(preferred_is_own; null: none was given); session_decides: the session''s active one goes before the earliest membership. An active one that is '
  'no longer the person''s is reset. window_seconds null: nothing is counted; else bucket is what was';

create or replace function current_session(token_hashes bytea[])
  returns table (token_number integer, id uuid, user_id uuid, active_organization_id uuid, ip_address text, user_agent text,
                 created_at timestamptz, expires_at timestamptz, life_seconds integer,
                 email text, name text, image text, email_verified boolean, person_created_at timestamptz, person_updated_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  found_id uuid;
begin
  select s.id, shown.number
    into found_id, token_number
    from unnest(token_hashes) with ordinality as shown (token_hash, number)
    join sessions s on s.token_hash = shown.token_hash and s.expires_at > now()
   order by shown.number
   limit 1;
  update sessions s set expires_at = now() + make_interval(secs => s.life_seconds)
   where s.id = found_id and s.expires_at < now() + make_interval(secs => s.life_seconds) - interval '1 day';
  update sessions s set active_organization_id = null
   where s.id = found_id
     and s.active_organization_id is not null
     and not exists (select from memberships m
                       join organizations o on o.id = m.organization_id and o.deleted_at is null
                      where m.organization_id = s.active_organization_id and m.user_id = s.user_id);
  return query
    select current_session.token_number, s.id, s.user_id, s.active_organization_id, s.ip_address, s.user_agent,
           s.created_at, s.expires_at, s.life_seconds,
           u.email::text, u.name, u.image, u.email_verified, u.created_at, u.updated_at
      from sessions s
      join users u on u.id = s.user_id
     where s.id = found_id;
end $$;


-- API keys: no key outlives the key that made it.

alter table api_keys add column made_by uuid references api_keys (id) on delete set null;
create index api_keys_by_maker on api_keys (made_by) where made_by is not null;
comment on column api_keys.made_by is 'the key whose holder made this one, which never works longer than that; null: a signed-in person or an operator';

create function end_made_keys(maker uuid, at timestamptz, revoked boolean) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with recursive made as (
    select k.id from api_keys k where k.made_by = maker
    union                                                    -- not "union all": a key may have rotated its own maker
    select k.id from api_keys k join made on k.made_by = made.id)
  update api_keys k
     set revoked_at = case when revoked then least(k.revoked_at, at) else k.revoked_at end,
         expires_at = case when revoked then k.expires_at else least(k.expires_at, at) end,
         updated_at = now()
    from made
   where k.id = made.id
     and k.id <> maker
     and coalesce(least(k.revoked_at, k.expires_at), 'infinity') > at
$$;
comment on function end_made_keys is 'the keys that this one made, and those that they made, end by then: revoked, or expired';

drop function put_api_key(uuid, uuid, text, text, bytea, text[], timestamptz, uuid);
create function put_api_key(
    person uuid, key uuid, name text, prefix text, key_hash bytea, scopes text[], expires_at timestamptz, rotated_from uuid, made_by uuid)
  returns setof shown_api_key
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  insert into api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at, rotated_from, made_by)
  values (key, person, put_api_key.name, put_api_key.prefix, put_api_key.key_hash, put_api_key.scopes, put_api_key.expires_at,
          put_api_key.rotated_from, coalesce(put_api_key.made_by, (select k.made_by from api_keys k where k.id = put_api_key.rotated_from)));
  update api_keys k set made_by = key where k.made_by = put_api_key.rotated_from and k.id <> key;
  return query select shown.* from api_keys k cross join lateral show_api_key(k) shown where k.id = key;
end $$;
comment on function put_api_key is
  'a new key of this person, of which only the hash is kept. One that takes another''s place also takes over the keys that the other made, and has '
  'its maker unless it is given one';

drop function change_api_key(uuid, uuid, text, text[], timestamptz);
create function change_api_key(
    person uuid, key uuid, name text, scopes text[], expires_at timestamptz, prolonged boolean, made_by uuid)
  returns setof shown_api_key
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  update api_keys k
     set name = change_api_key.name, scopes = change_api_key.scopes, expires_at = change_api_key.expires_at, updated_at = now(),
         made_by = case when prolonged then change_api_key.made_by else k.made_by end
   where k.id = key
     and k.user_id = person;
  if found and change_api_key.expires_at is not null then
    perform end_made_keys(key, change_api_key.expires_at, false);
  end if;
  return query select shown.* from api_keys k cross join lateral show_api_key(k) shown where k.id = key and k.user_id = person;
end $$;
comment on function change_api_key is
  'what may be changed of a key, all of it; one that is prolonged ends from then on with the key made_by, if any. No row: there is none, or it is '
  'another''s';

drop function end_api_key(uuid, uuid, integer);
create function end_api_key(person uuid, key uuid, seconds integer) returns setof shown_api_key
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  perform from users u where u.id = person for no key update;   -- the key may be making another one at this moment
  update api_keys k
     set revoked_at = least(k.revoked_at, now() + make_interval(secs => seconds)),
         updated_at = case when k.revoked_at <= now() then k.updated_at else now() end
   where k.id = key
     and k.user_id = person;
  if found then
    perform end_made_keys(key, now() + make_interval(secs => seconds), true);
  end if;
  return query select shown.* from api_keys k cross join lateral show_api_key(k) shown where k.id = key and k.user_id = person;
end $$;
comment on function end_api_key is
  'the key works for so many seconds more, never longer than it would have, nor do the keys that it made; no row: there is none, or it is another''s';

drop function operator_revoke_key(uuid);
create function operator_revoke_key(id uuid) returns table (email text, prefix text, name text)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
begin
  perform from users u join api_keys k on k.user_id = u.id where k.id = operator_revoke_key.id for no key update of u;
  update api_keys k set revoked_at = least(k.revoked_at, now()), updated_at = now() where k.id = operator_revoke_key.id;
  perform end_made_keys(operator_revoke_key.id, now(), true);
  return query
    select u.email::text, k.prefix, k.name from api_keys k join users u on u.id = k.user_id where k.id = operator_revoke_key.id;
end $$;
comment on function operator_revoke_key is
  'the key is good for nothing from now on, nor are the keys that it made; one that was revoked before stays revoked as of then. No row: no such key';


-- What an operator takes away is taken away as by a member of the organization: invitations and stored choices go along.

create or replace function operator_remove_member(organization uuid, person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  delete from memberships m where m.organization_id = organization and m.user_id = person;
  select withdraw_invitations(organization, person);
  update invitations i set status = 'canceled'                     -- nor may one bring the person back
    from users u
   where u.id = person and i.organization_id = organization and i.email = u.email and i.status = 'pending';
  update sessions s set active_organization_id = null where s.user_id = person and s.active_organization_id = organization;
$$;

create or replace function operator_remove_person(person uuid) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update invitations i set status = 'canceled'
    from memberships m
    join users u on u.id = m.user_id
   where m.user_id = person
     and i.organization_id = m.organization_id
     and i.status = 'pending'
     and (i.invited_by = person or i.email = u.email);
  delete from users u where u.id = person;
$$;
comment on function operator_remove_person is
  'memberships, keys and sessions go along, and the pending invitations that the person wrote, or that would bring the person back; what the person '
  'made stays where it is';

create or replace function add_member(organization uuid, person uuid, role text) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into memberships (organization_id, user_id, role) values (organization, person, add_member.role)
  on conflict (organization_id, user_id) do update set role = excluded.role;
  select withdraw_invitations(organization, person);
$$;


revoke execute on function decide_device_code(text, uuid, uuid, text), uncount_request(text[], timestamptz),
                           authenticate(bytea[], text, uuid, text, uuid, text, boolean, boolean, text, text, integer, uuid),
                           end_made_keys(uuid, timestamptz, boolean),
                           put_api_key(uuid, uuid, text, text, bytea, text[], timestamptz, uuid, uuid),
                           change_api_key(uuid, uuid, text, text[], timestamptz, boolean, uuid),
                           end_api_key(uuid, uuid, integer), operator_revoke_key(uuid) from public;
grant execute on function decide_device_code(text, uuid, uuid, text), uncount_request(text[], timestamptz),
                          authenticate(bytea[], text, uuid, text, uuid, text, boolean, boolean, text, text, integer, uuid),
                          put_api_key(uuid, uuid, text, text, bytea, text[], timestamptz, uuid, uuid),
                          change_api_key(uuid, uuid, text, text[], timestamptz, boolean, uuid),
                          end_api_key(uuid, uuid, integer) to vitrine_app;
grant execute on function operator_revoke_key(uuid) to vitrine_worker;
