// SPDX-License-Identifier: Apache-2.0
/** Breaks the promise of a commit: the database is opened with `synchronous = NORMAL`, SQLite's own advice for WAL. */
import { DatabaseSync } from 'node:sqlite'

const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  return Reflect.apply(exec, this, [sql.replace('synchronous = FULL', 'synchronous = NORMAL')])
}
