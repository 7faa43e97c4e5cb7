-- What pictures and videos tell about themselves, beside what versions kept already.

alter table versions
  add column colors     text[]           not null default '{}' check (cardinality(colors) <= 16),
  add column codec      text             check (length(codec) between 1 and 32),
  add column frame_rate double precision check (frame_rate > 0);
comment on column versions.colors is 'dominant colours, #rrggbb, the most common first';
comment on column versions.codec is 'of a video, as FFmpeg calls it';
comment on column versions.frame_rate is 'frames per second, of a video';
comment on column versions.exif is 'what camera and lens said; the place only where the setting allows';
