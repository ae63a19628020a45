// SPDX-License-Identifier: Apache-2.0
// A Node-RED plugin. `nodesDir` in the settings file points at this folder; Node-RED loads it and hands it the runtime.
import { carryThreads } from './carry-threads.mjs'
import { serveRows } from './serve-rows.mjs'

/** Node-RED expects a plugin module to be a function; this is how an ES module is one. */
export { plugin as 'module.exports' }

function plugin(RED) {
  RED.plugins.registerPlugin('fasten', {
    type: 'fasten',
    onadd() {
      carryThreads(RED.hooks)
      serveRows(RED)
    },
    onremove: () => RED.hooks.remove('*.fasten'),
  })
}
