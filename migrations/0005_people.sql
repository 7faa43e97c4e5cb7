-- People sign up, in and out by e-mail and password; and what has had its day among credentials goes.

create function account_of(address text)
  returns table (id uuid, email text, name text, image text, email_verified boolean, created_at timestamptz, updated_at timestamptz, password_hash text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.id, u.email::text, u.name, u.image, u.email_verified, u.created_at, u.updated_at, u.password_hash
    from users u
   where u.email = address::citext
$$;
comment on function account_of is 'the person with this e-mail, whatever its case, and how to recognize them; no row: there is none';

create function account(person uuid)
  returns table (id uuid, email text, name text, image text, email_verified boolean, created_at timestamptz, updated_at timestamptz, password_hash text)
  language sql stable security definer set search_path = public, pg_temp
as $$
  select u.id, u.email::text, u.name, u.image, u.email_verified, u.created_at, u.updated_at, u.password_hash
    from users u
   where u.id = person
$$;

create function sign_up(new_id uuid, new_email text, new_name text, new_hash text)
  returns table (id uuid, email text, name text, image text, email_verified boolean, created_at timestamptz, updated_at timestamptz, password_hash text)
  language sql volatile security definer set search_path = public, pg_temp
as $$
  insert into users as u (id, email, name, password_hash)
  values (new_id, new_email, new_name, new_hash)
  on conflict (email) do nothing
  returning u.id, u.email::text, u.name, u.image, u.email_verified, u.created_at, u.updated_at, u.password_hash
$$;
comment on function sign_up is 'a new person with a password; no row where the e-mail is somebody''s, who is left as they were';

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
comment on function replace_password is 'whether the password was still the known one and is the new one now: of two who change it at once, one does';

create function end_other_sessions(person uuid, kept uuid) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with ended as (delete from sessions s where s.user_id = person and s.id is distinct from kept returning s.id)
  select count(*)::integer from ended
$$;

create function end_sessions(token_hashes bytea[]) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with ended as (delete from sessions s where s.token_hash = any (token_hashes) returning s.id)
  select count(*)::integer from ended
$$;

create function current_session(token_hashes bytea[])
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
  return query
    select current_session.token_number, s.id, s.user_id, s.active_organization_id, s.ip_address, s.user_agent,
           s.created_at, s.expires_at, s.life_seconds,
           u.email::text, u.name, u.image, u.email_verified, u.created_at, u.updated_at
      from sessions s
      join users u on u.id = s.user_id
     where s.id = found_id;
end $$;
comment on function current_session is
  'the session of the first of these tokens (SHA-256) that is good, which is use of it as any other request is; no row: none is good';


-- How often a password may be guessed. Buckets are of rate_limits, as those of requests.

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
  'one more attempt at an account from one place. What is over the place''s limit is not counted for the account, so that no single place can use '
  'it up; hits_account is null then';

create function forgive_sign_in(buckets text[], window_seconds integer) returns void
  language sql volatile security definer set search_path = public, pg_temp
as $$
  update rate_limits r
     set hits = r.hits - 1
   where r.bucket = any (buckets)
     and r.window_start = to_timestamp(floor(extract(epoch from now()) / window_seconds) * window_seconds)
     and r.hits > 0
$$;
comment on function forgive_sign_in is 'an attempt that was right is not held against anybody';


-- For the job that clears away what has had its day. At most so many rows at a time, in the order of their ids.

create function expire_sessions(at timestamptz, after uuid, most integer, dry_run boolean) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with over as (
    select s.id from sessions s where s.expires_at <= at and (after is null or s.id > after) order by s.id limit most),
  gone as (
    delete from sessions s using over where s.id = over.id and s.expires_at <= at and not dry_run)
  select over.id from over order by over.id
$$;

create function expire_device_codes(at timestamptz, after uuid, most integer, dry_run boolean) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with over as (
    select d.id from device_codes d where d.expires_at <= at and (after is null or d.id > after) order by d.id limit most),
  gone as (
    delete from device_codes d using over where d.id = over.id and d.expires_at <= at and not dry_run)
  select over.id from over order by over.id
$$;

create function expire_api_keys(at timestamptz, after uuid, most integer, dry_run boolean) returns setof uuid
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with over as (
    select k.id
      from api_keys k
     where least(k.revoked_at, k.expires_at) <= at        -- of two times the earlier; null only where both are
       and (after is null or k.id > after)
     order by k.id
     limit most),
  gone as (
    delete from api_keys k using over where k.id = over.id and least(k.revoked_at, k.expires_at) <= at and not dry_run)
  select over.id from over order by over.id
$$;

create function expire_rate_limits(at timestamptz, most integer, dry_run boolean) returns integer
  language sql volatile security definer set search_path = public, pg_temp
as $$
  with over as (
    select r.bucket, r.window_start from rate_limits r where r.window_start <= at order by r.window_start limit most),
  gone as (
    delete from rate_limits r using over where r.bucket = over.bucket and r.window_start = over.window_start and not dry_run)
  select count(*)::integer from over
$$;
create index rate_limits_by_window on rate_limits (window_start);

revoke execute on function account_of(text), account(uuid), sign_up(uuid, text, text, text), replace_password(uuid, text, text),
                           end_other_sessions(uuid, uuid), end_sessions(bytea[]), current_session(bytea[]),
                           count_sign_in(text, text, integer, integer), forgive_sign_in(text[], integer),
                           expire_sessions(timestamptz, uuid, integer, boolean), expire_device_codes(timestamptz, uuid, integer, boolean),
                           expire_api_keys(timestamptz, uuid, integer, boolean), expire_rate_limits(timestamptz, integer, boolean) from public;
grant execute on function account_of(text), account(uuid), sign_up(uuid, text, text, text), replace_password(uuid, text, text),
                          end_other_sessions(uuid, uuid), end_sessions(bytea[]), current_session(bytea[]),
                          count_sign_in(text, text, integer, integer), forgive_sign_in(text[], integer) to vitrine_app;
grant execute on function expire_sessions(timestamptz, uuid, integer, boolean), expire_device_codes(timestamptz, uuid, integer, boolean),
                          expire_api_keys(timestamptz, uuid, integer, boolean), expire_rate_limits(timestamptz, integer, boolean) to vitrine_worker;
