-- v1's list: what its search finds, each of its orders, and what a client asks before it uploads a file again.

-- What a file is found by: an index of its own words and letters. btree_gin, which could put the organization before them in one index, is not among
-- our extensions, so it stands within each key: a search reads the keys of its own organization, however many others there are.
create function search_keys(organization uuid, title text, filename text, alt text, caption text) returns tsvector
  language plpgsql immutable parallel safe cost 100000 set search_path = public, pg_temp
as $$
declare
  owned constant text := right(organization::text, 12);
begin
  return array_to_tsvector(array(
    select owned || 'w' || case when octet_length(word) > 200 then md5(word) else word end
      from unnest(tsvector_to_array(to_tsvector('english',
             coalesce(title, '') || ' ' || coalesce(filename, '') || ' ' || coalesce(alt, '') || ' ' || coalesce(caption, '')))) as word
    union all
    select owned || 't' || letter || coalesce(lead(letter) over following, '') || coalesce(lead(letter, 2) over following, '')
      from unnest(array[lower(title), lower(filename), lower(alt), lower(caption)]) with ordinality as field (content, number),
           string_to_table(content, null) with ordinality as each (letter, place)
    window following as (partition by number order by place)));
end $$;
comment on function search_keys is
  'the keys of a file in media_searched. o: the end of its organization''s id. ow...: the stem of each word of all four texts (in place of a long '
  'one its md5: a key has a limit). ot...: three letters from each place of a text on, fewer at its end: what a text begins with at any place, '
  'be it one letter, is the beginning of a key. The cost keeps the planner from working them out row by row';

-- Not all at once some time later (fastupdate): whoever happened to write then would wait for all the others.
create index media_searched on media using gin (search_keys(organization_id, title, filename, alt, caption)) with (fastupdate = off)
  where status = 'active' and type <> 'folder' and verified_at is not null;

create function matching_files(search text)
  returns table (id uuid, type text, created_at timestamptz, filename text, size_bytes bigint)
  language plpgsql stable security definer set search_path = public, pg_temp
as $$
declare
  organization uuid    := (opened_organizations())[1];
  owned        text    := right(organization::text, 12);
  sought       text    := lower(search);
  words        tsquery;
  letters      tsquery;
begin
  -- As plainto_tsquery: all of them, wherever they are. Of stop words alone nothing is left, which nothing matches.
  select string_agg(lexeme, ' & ')::tsquery
    into words
    from unnest(tsvector_to_array(to_tsvector('english', search))) as word,
         concat(owned, 'w', case when octet_length(word) > 200 then md5(word) else word end) as key,
         concat('''', replace(replace(key, '\', '\\'), '''', ''''''), '''') as lexeme;
  select (string_agg(distinct lexeme, ' & ') || case when length(sought) < 3 then ':*' else '' end)::tsquery
    into letters
    from generate_series(1, greatest(length(sought) - 2, 1)) as place,
         concat(owned, 't', substr(sought, place, 3)) as key,
         concat('''', replace(replace(key, '\', '\\'), '''', ''''''), '''') as lexeme;

  -- Two readings of the index and not one with "or": of that one the keys would be worked out again for each row. Planned for these values.
  return query execute $query$
    select id, type, created_at, filename, size_bytes
      from media
     where organization_id = $1
       and status = 'active'
       and type <> 'folder'
       and verified_at is not null
       and search_keys(organization_id, title, filename, alt, caption) @@ $2
    union
    select id, type, created_at, filename, size_bytes
      from media
     where organization_id = $1
       and status = 'active'
       and type <> 'folder'
       and verified_at is not null
       and search_keys(organization_id, title, filename, alt, caption) @@ $3
       and (strpos(lower(title), $4) > 0 or strpos(lower(filename), $4) > 0 or strpos(lower(alt), $4) > 0 or strpos(lower(caption), $4) > 0)
  $query$ using organization, words, letters, sought;
end $$;
comment on function matching_files is
  'the verified files of the opened organization that a search finds: all its words, in whatever form, somewhere in title, filename, alt and caption '
  'together, or itself as a part of one of them, in whatever case. With what they are listed by. @@ finds no index under a policy';

revoke execute on function search_keys(uuid, text, text, text, text), matching_files(text) from public;
grant execute on function search_keys(uuid, text, text, text, text), matching_files(text) to vitrine_app, vitrine_worker;


-- The orders, with the type in each: of a list of videos what an offset skips is not looked at either.
drop index media_files_newest, media_files_by_filename, media_files_by_size;
create index media_files_newest on media (organization_id, created_at desc, id desc) include (type)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_filename on media (organization_id, filename collate "C", id) include (type)
  where status = 'active' and type <> 'folder' and verified_at is not null;
create index media_files_by_size on media (organization_id, size_bytes, id) include (type)
  where status = 'active' and type <> 'folder' and verified_at is not null;

-- What is there already of a file: the newest come first, so that the thousandth of the same name and size costs nothing.
create index media_same_file on media (organization_id, filename collate "C", size_bytes, created_at desc, id desc)
  where status = 'active' and type <> 'folder' and verified_at is not null;
drop index media_same_bytes;
create index media_same_bytes on media (organization_id, sha256, created_at desc, id desc)
  where sha256 is not null and status = 'active' and type <> 'folder' and verified_at is not null;
