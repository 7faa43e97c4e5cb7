-- Signing in at a device without a browser (RFC 8628). A login is one row, and each function decides all of it under that row's lock.

create index if not exists device_codes_by_expiry on device_codes (expires_at);   -- the clean-up asks by it, from whichever migration it comes
comment on column device_codes.user_code is 'what a person types, without dashes; worth nothing without a session of one''s own';
comment on column device_codes.polled_at is 'the last poll that was not too early; null: none yet';


create function open_device_code(id uuid, code_hash bytea, user_code text, client text, scope text, life_seconds integer, interval_seconds integer)
  returns boolean
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with opened as (
    insert into device_codes (id, device_code_hash, user_code, client_id, scope, interval_seconds, expires_at)
    values (open_device_code.id, code_hash, open_device_code.user_code, client, open_device_code.scope, open_device_code.interval_seconds,
            now() + make_interval(secs => life_seconds))
    on conflict (user_code) do nothing
    returning 1
  )
  select exists (select from opened)
$$;
comment on function open_device_code is 'a login at a device waits for its person, under codes of which only one hash is known; false: the user code is in use';


create function find_device_code(user_code text)
  returns table (status text, client_id text, scope text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select case when d.expires_at <= now() then 'expired' else d.status end, d.client_id, d.scope
    from device_codes d
   where d.user_code = find_device_code.user_code
$$;
comment on function find_device_code is 'what waits under a user code: pending | approved | denied | expired. No row: nothing';


create function decide_device_code(user_code text, person uuid, decision text) returns text
  language plpgsql volatile security definer set search_path = public, pg_temp
as $$
declare
  asked device_codes;
begin
  select * into asked from device_codes d where d.user_code = decide_device_code.user_code for update;
  if asked.id is null then
    return 'unknown';
  elsif asked.expires_at <= now() then
    return 'expired';   -- the row stays, for the device to be told so
  elsif asked.status <> 'pending' then
    return 'decided';
  end if;
  update device_codes d set status = decision, user_id = person where d.id = asked.id;
  return decision;
end $$;
comment on function decide_device_code is
  'the person''s decision (approved | denied), once: that, or why it changed nothing: unknown | expired | decided';


create function poll_device_code(
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
  if state = 'pending' then
    update device_codes d set polled_at = now() where d.id = asked.id;
  elsif state in ('approved', 'denied', 'expired') then
    delete from device_codes d where d.id = asked.id;
  end if;
  if state = 'approved' then
    perform open_session(session_id, asked.user_id, token_hash, life_seconds, ip_address, user_agent);
  end if;
  return next;
end $$;
comment on function poll_device_code is
  'how the login of this code (SHA-256) stands, always one row: pending (then this poll is the one the next is measured from) | too_early | unknown | '
  'of_another_client, or its end, which is told once: denied | expired | approved, and then the session given is the person''s';


revoke execute on function open_device_code(uuid, bytea, text, text, text, integer, integer),
                           find_device_code(text),
                           decide_device_code(text, uuid, text),
                           poll_device_code(bytea, text, uuid, bytea, integer, text, text) from public;
grant execute on function open_device_code(uuid, bytea, text, text, text, integer, integer),
                          find_device_code(text),
                          decide_device_code(text, uuid, text),
                          poll_device_code(bytea, text, uuid, bytea, integer, text, text) to vitrine_app;
