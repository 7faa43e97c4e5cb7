-- Functions: accounts, passwords, sessions, device codes, and how often a request or a sign-in may be made.
--
-- A `security definer` function runs as the owner, past row-level security. Each has a fixed search_path,
-- reads no more than its arguments name, and is granted to the roles that call it.

create function count_request(bucket text, window_seconds integer)
  returns table (hits integer, resets_at timestamptz)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into rate_limits as counted (bucket, window_start, hits)
  values (count_request.bucket,
          to_timestamp(floor(extract(epoch from now()) / window_seconds) * window_seconds),
          1)
  on conflict (bucket, window_start) do update set hits = counted.hits + 1
  returning counted.hits, counted.window_start + make_interval(secs => window_seconds)
$$;
comment on function count_request is
  'count one request of this bucket in the present window; returns the hits so far and the start of the '
  'next window';

create function uncount_request(buckets text[], began timestamptz) returns void
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
  name text;
begin
  -- One after another, in the order in which they were counted: a single statement would lock them in any
  -- order, and two requests could deadlock.
  foreach name in array buckets loop
    update rate_limits r set hits = r.hits - 1
     where r.bucket = name and r.window_start = began and r.hits > 0;
  end loop;
end $$;
comment on function uncount_request is
  'take back one request of each bucket, in the window that began then. Requests are counted before they '
  'are done, so that simultaneous guesses count; a successful one is then taken back. Give the buckets in '
  'the order of counting';

create function count_sign_in(here text, account text, most_here integer, window_seconds integer)
  returns table (hits_here integer, hits_account integer, resets_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  select c.hits, c.resets_at into hits_here, resets_at from count_request(here, window_seconds) c;
  if hits_here <= most_here then
    select c.hits into hits_account from count_request(account, window_seconds) c;
  end if;
  return next;
end $$;
comment on function count_sign_in is
  'count one sign-in attempt in the bucket of its address and in that of the account. Attempts beyond the '
  'address''s limit do not count for the account, so that no single address can use it up; hits_account is '
  'null then';


-- Accounts and passwords.

create function account_by_email(address text)
  returns table (id uuid, email text, name text, image text, email_verified boolean, created_at timestamptz,
                 updated_at timestamptz, password_hash text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.id, u.email, u.name, u.image, u.email_verified, u.created_at, u.updated_at, u.password_hash
    from users u
   where u.email = address
$$;
comment on function account_by_email is
  'the person with this e-mail address and the hash of their password; no row: none';

create function account_by_id(person uuid)
  returns table (id uuid, email text, name text, image text, email_verified boolean, created_at timestamptz,
                 updated_at timestamptz, password_hash text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.id, u.email, u.name, u.image, u.email_verified, u.created_at, u.updated_at, u.password_hash
    from users u
   where u.id = person
$$;

create function sign_up(new_id uuid, new_email text, new_name text, new_hash text)
  returns table (id uuid, email text, name text, image text, email_verified boolean, created_at timestamptz,
                 updated_at timestamptz, password_hash text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into users as u (id, email, name, password_hash)
  values (new_id, new_email, new_name, new_hash)
  on conflict (email) do nothing
  returning u.id, u.email, u.name, u.image, u.email_verified, u.created_at, u.updated_at, u.password_hash
$$;
comment on function sign_up is
  'insert a person with a password; no row where the e-mail address is taken, whose person does not change';

create function replace_password(person uuid, known_hash text, new_hash text) returns boolean
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with replaced as (
    update users u
       set password_hash = new_hash
     where u.id = person
       and u.password_hash = known_hash
    returning u.id)
  select exists (select from replaced)
$$;
comment on function replace_password is
  'replace the password where its hash is still the known one; of two simultaneous changes one returns true';


-- Sessions.

create function open_session(
    id uuid, person uuid, token_hash bytea, life_seconds integer, ip_address text, user_agent text)
  returns timestamptz
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into sessions (id, user_id, token_hash, life_seconds, ip_address, user_agent, expires_at)
  values (open_session.id, person, open_session.token_hash, open_session.life_seconds,
          open_session.ip_address, left(open_session.user_agent, 400),
          now() + make_interval(secs => open_session.life_seconds))
  returning sessions.expires_at
$$;
comment on function open_session is
  'insert a session of an authenticated person, with the hash of its token; returns when it expires if it '
  'is not used';

create function open_session_by_password(
    id uuid, person uuid, known_hash text, token_hash bytea, life_seconds integer, ip_address text,
    user_agent text)
  returns timestamptz
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
begin
  -- A change of the password locks the row until it has ended the other sessions. Either this function waits
  -- for that and finds another hash, or it comes first and its session is among those that end.
  perform from users u where u.id = person and u.password_hash = known_hash for share;
  return case when found then open_session(id, person, token_hash, life_seconds, ip_address, user_agent) end;
end $$;
comment on function open_session_by_password is
  'open a session where the hash that the password was verified against is still the person''s. Null: it is '
  'not, and no session was opened';

create function current_session(token_hashes bytea[])
  returns table (token_number integer, id uuid, user_id uuid, active_organization_id uuid, ip_address text,
                 user_agent text, created_at timestamptz, expires_at timestamptz, life_seconds integer,
                 email text, name text, image text, email_verified boolean, person_created_at timestamptz,
                 person_updated_at timestamptz)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  session_id uuid;
begin
  select s.id, given.number
    into session_id, token_number
    from unnest(token_hashes) with ordinality as given (token_hash, number)
    join sessions s on s.token_hash = given.token_hash and s.expires_at > now()
   order by given.number
   limit 1;
  update sessions s set expires_at = now() + make_interval(secs => s.life_seconds)
   where s.id = session_id
     and s.expires_at < now() + make_interval(secs => s.life_seconds) - interval '1 day';
  update sessions s set active_organization_id = null
   where s.id = session_id
     and s.active_organization_id is not null
     and not exists (select from memberships m
                       join organizations o on o.id = m.organization_id and o.deleted_at is null
                      where m.organization_id = s.active_organization_id and m.user_id = s.user_id);
  return query
    select current_session.token_number, s.id, s.user_id, s.active_organization_id, s.ip_address,
           s.user_agent,
           s.created_at, s.expires_at, s.life_seconds,
           u.email, u.name, u.image, u.email_verified, u.created_at, u.updated_at
      from sessions s
      join users u on u.id = s.user_id
     where s.id = session_id;
end $$;
comment on function current_session is
  'the session of the first valid token (SHA-256), prolonged as by any other request; no row: no token is '
  'valid';

create function end_sessions(token_hashes bytea[]) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with ended as (delete from sessions s where s.token_hash = any (token_hashes) returning s.id)
  select count(*)::integer from ended
$$;

create function end_other_sessions(person uuid, kept uuid) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  -- Codes first: a poll in progress has locked its code's row, and its new session is then among those that
  -- end.
  delete from device_codes d where d.user_id = person and d.status = 'approved';
  with ended as (
    delete from sessions s where s.user_id = person and s.id is distinct from kept returning s.id)
  select count(*)::integer from ended
$$;
comment on function end_other_sessions is
  'end all sessions of this person but the one kept, and all device codes that they approved and that are '
  'not redeemed; returns the number of sessions';


-- Device codes (RFC 8628). A sign-in at a device is one row, and each function decides under that row's lock.

create function open_device_code(
    id uuid, code_hash bytea, user_code text, client text, scope text, life_seconds integer,
    interval_seconds integer)
  returns boolean
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with opened as (
    insert into device_codes (id, device_code_hash, user_code, client_id, scope, interval_seconds, expires_at)
    values (open_device_code.id, code_hash, open_device_code.user_code, client, open_device_code.scope,
            open_device_code.interval_seconds, now() + make_interval(secs => life_seconds))
    on conflict (user_code) do nothing
    returning 1
  )
  select exists (select from opened)
$$;
comment on function open_device_code is
  'insert a pending sign-in at a device; false: the user code is in use';

create function find_device_code(user_code text)
  returns table (status text, client_id text, scope text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select case when d.expires_at <= now() then 'expired' else d.status end, d.client_id, d.scope
    from device_codes d
   where d.user_code = find_device_code.user_code
$$;
comment on function find_device_code is
  'the sign-in of a user code: pending | approved | denied | expired. No row: the code is unknown';

create function decide_device_code(user_code text, person uuid, session uuid, decision text) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
  code device_codes;
begin
  -- The session is locked before the code refers to it: whoever ends the session waits, and then finds this
  -- code among those that end with it.
  perform from sessions s where s.id = session and s.user_id = person and s.expires_at > now() for key share;
  if not found then
    return 'signed_out';
  end if;
  select * into code from device_codes d where d.user_code = decide_device_code.user_code for update;
  if code.id is null then
    return 'unknown';
  elsif code.expires_at <= now() then
    return 'expired';   -- the row stays, because the device has yet to learn that the code has expired
  elsif code.status <> 'pending' then
    return 'decided';
  end if;
  update device_codes d
     set status = decision, user_id = person, session_id = case when decision = 'approved' then session end
   where d.id = code.id;
  return decision;
end $$;
comment on function decide_device_code is
  'record the person''s decision (approved | denied) once, and return it; or the reason why nothing '
  'changed: unknown | expired | decided | signed_out (the session has ended)';

create function poll_device_code(
    code_hash bytea, client text, session_id uuid, token_hash bytea, life_seconds integer, ip_address text,
    user_agent text)
  returns table (state text, scope text)
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
#variable_conflict use_column
declare
  code device_codes;
begin
  -- Polls of one code wait for each other. One that waited for the poll that ended the sign-in finds no row.
  select * into code from device_codes d where d.device_code_hash = code_hash for update;
  scope := code.scope;
  state := case when code.id is null                                                       then 'unknown'
                when code.client_id <> client then 'of_another_client'
                when code.polled_at > now() - make_interval(secs => code.interval_seconds) then 'too_early'
                when code.expires_at <= now()                                              then 'expired'
                else code.status end;
  if state = 'approved'
     and not exists (select from sessions s where s.id = code.session_id and s.expires_at > now()) then
    state := 'unknown';   -- the session that approved the sign-in has expired since
    delete from device_codes d where d.id = code.id;
  elsif state = 'pending' then
    update device_codes d set polled_at = now() where d.id = code.id;
  elsif state in ('approved', 'denied', 'expired') then
    delete from device_codes d where d.id = code.id;
  end if;
  if state = 'approved' then
    perform open_session(poll_device_code.session_id, code.user_id, token_hash, life_seconds, ip_address,
                         user_agent);
  end if;
  return next;
end $$;
comment on function poll_device_code is
  'the state of the sign-in of this code (SHA-256), always one row: pending (the interval until the next '
  'poll begins) | too_early | unknown | of_another_client, or its end, which is reported once: denied | '
  'expired | approved. When approved, a session with the given id and token is opened';


grant execute on function count_request(text, integer), uncount_request(text[], timestamptz),
                          count_sign_in(text, text, integer, integer),
                          account_by_email(text), account_by_id(uuid), sign_up(uuid, text, text, text),
                          replace_password(uuid, text, text),
                          open_session(uuid, uuid, bytea, integer, text, text),
                          open_session_by_password(uuid, uuid, text, bytea, integer, text, text),
                          current_session(bytea[]), end_sessions(bytea[]), end_other_sessions(uuid, uuid),
                          open_device_code(uuid, bytea, text, text, text, integer, integer),
                          find_device_code(text),
                          decide_device_code(text, uuid, uuid, text),
                          poll_device_code(bytea, text, uuid, bytea, integer, text, text) to vitrine_app;
