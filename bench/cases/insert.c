/* SPDX-License-Identifier: Apache-2.0
   The same peer in C, compiled when a compiler and sqlite3.h are there: rows of a store are read into memory, then inserted
   into a fresh file by one prepared statement, in transactions of a given size, with WAL and fsync on commit.
   Usage: insert SOURCE TARGET TABLE ROWS_PER_COMMIT; prints "rows seconds". */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *source, *target;

static void check(int code, sqlite3 *database, const char *what) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(database));
  exit(1);
}

static void run(const char *sql) { check(sqlite3_exec(target, sql, 0, 0, 0), target, sql); }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  const char *table = words[3];
  int rows_per_commit = atoi(words[4]);
  check(sqlite3_open_v2(words[1], &source, SQLITE_OPEN_READONLY, 0), source, "source");
  check(sqlite3_open(words[2], &target), target, "target");
  run("PRAGMA journal_mode = WAL");
  run("PRAGMA synchronous = FULL");
  run("PRAGMA cache_size = -65536");

  sqlite3_stmt *schema, *select, *insert;
  char sql[512];
  check(sqlite3_prepare_v2(source, "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'table' DESC", -1, &schema, 0), source, "schema");
  sqlite3_bind_text(schema, 1, table, -1, SQLITE_STATIC);
  while (sqlite3_step(schema) == SQLITE_ROW) run((const char *)sqlite3_column_text(schema, 0));

  snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", table);
  check(sqlite3_prepare_v2(source, sql, -1, &select, 0), source, "select");
  int columns = sqlite3_column_count(select), rows = 0, room = 1 << 16;
  sqlite3_value **cells = malloc(sizeof *cells * room * columns);
  while (sqlite3_step(select) == SQLITE_ROW) {
    if (rows == room) cells = realloc(cells, sizeof *cells * (room *= 2) * columns);
    for (int c = 0; c < columns; c++) cells[rows * columns + c] = sqlite3_value_dup(sqlite3_column_value(select, c));
    rows++;
  }

  snprintf(sql, sizeof sql, "INSERT INTO \"%s\" VALUES (", table);
  for (int c = 0; c < columns; c++) strcat(sql, c ? ",?" : "?");
  strcat(sql, ")");
  check(sqlite3_prepare_v2(target, sql, -1, &insert, 0), target, "insert");

  double start = now();
  for (int r = 0; r < rows; r++) {
    if (r % rows_per_commit == 0) run("BEGIN IMMEDIATE");
    for (int c = 0; c < columns; c++) check(sqlite3_bind_value(insert, c + 1, cells[r * columns + c]), target, "bind");
    check(sqlite3_step(insert), target, "step");
    sqlite3_reset(insert);
    if (r % rows_per_commit == rows_per_commit - 1 || r == rows - 1) run("COMMIT");
  }
  printf("%d %.6f\n", rows, now() - start);
  return 0;
}
