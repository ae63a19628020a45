// SPDX-License-Identifier: Apache-2.0

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/**
 * Functions that only compute, from what they are given, an answer not much larger than that. Left out on purpose: what reads settings, files,
 * sessions or catalogues, waits, locks, runs text as SQL, or makes a large value out of a small one (`repeat`, `lpad`, `format`).
 */
export const functionsAllowed: ReadonlySet<string> = new Set([
  ...words(`count sum avg min max bool_and bool_or every array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg
    percentile_cont percentile_disc mode stddev stddev_pop stddev_samp variance var_pop var_samp corr any_value`),
  ...words(
    `row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value`,
  ),
  ...words(`lower upper initcap length char_length character_length octet_length left right substring substr position strpos split_part
    trim ltrim rtrim btrim replace translate reverse concat concat_ws starts_with md5 encode decode ascii
    regexp_replace regexp_match regexp_matches regexp_count regexp_like regexp_substr regexp_split_to_array string_to_array
    to_char to_number to_date to_timestamp`),
  ...words(`date_trunc date_part date_bin extract age now make_interval make_date make_timestamptz justify_hours justify_days
    justify_interval`),
  ...words(`abs ceil ceiling floor round trunc mod power sqrt exp ln log sign width_bucket div gcd`),
  ...words(`coalesce nullif greatest least num_nulls num_nonnulls`),
  ...words(`jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_each jsonb_each_text jsonb_object_keys jsonb_typeof
    jsonb_extract_path jsonb_extract_path_text jsonb_path_exists jsonb_path_query jsonb_path_query_array jsonb_path_query_first
    jsonb_build_object jsonb_build_array jsonb_strip_nulls to_jsonb to_json row_to_json`),
  ...words(`unnest array_length array_position array_to_string array_remove cardinality generate_series`),
])

/** Words of the language, and types, behind which a parenthesis opens no call. */
export const wordsBeforeParenthesis: ReadonlySet<string> = new Set([
  ...words(`select from where and or not in on using as values over filter exists any all some case when then else between like ilike
    is by having union intersect except distinct limit offset join lateral with row array cast group grouping sets rollup cube
    materialized recursive only partition order within interval table similar escape fetch first next rows range nulls`),
  ...words(`numeric decimal varchar char character varying bit time timestamp timestamptz float`),
])
