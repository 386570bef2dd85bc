// libas2 as a process: a line of words between tabs comes in, "ok" or "no" and the reason goes out.
'use strict'
const fs = require('fs')
const path = require('path')
const readline = require('readline')
const { createRequire } = require('module')

const load = createRequire(path.join(process.argv[2], 'x.js')) // where the packages are installed
const { AS2EnvelopedData } = load('libas2/dist/src/AS2Crypto/AS2EnvelopedData')
const { AS2SignedData } = load('libas2/dist/src/AS2Crypto/AS2SignedData')

const CIPHERS = {
  '3des': 'des-EDE3-CBC',
  'aes128-cbc': 'aes128-CBC',
  'aes192-cbc': 'aes192-CBC',
  'aes256-cbc': 'aes256-CBC',
  'aes128-gcm': 'aes128-GCM',
  'aes192-gcm': 'aes192-GCM',
  'aes256-gcm': 'aes256-GCM'
}
const COMMANDS = {
  async sign (digest, key, cert, source, target) {
    const algorithm = digest.toUpperCase().replace('SHA', 'SHA-')
    const signed = new AS2SignedData(fs.readFileSync(source))
    const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key), algorithm }
    fs.writeFileSync(target, await signed.sign(options))
  },
  async verify (cert, signature, content) {
    const signed = new AS2SignedData(fs.readFileSync(content), fs.readFileSync(signature))
    if (!await signed.verify(fs.readFileSync(cert))) throw new Error('the signature does not hold')
  },
  async encrypt (cipher, cert, source, target) {
    const sealed = new AS2EnvelopedData(fs.readFileSync(source))
    fs.writeFileSync(target, await sealed.encrypt(fs.readFileSync(cert), CIPHERS[cipher]))
  },
  async decrypt (key, cert, source, target) {
    const sealed = new AS2EnvelopedData(fs.readFileSync(source), true)
    fs.writeFileSync(target, await sealed.decrypt(fs.readFileSync(cert), fs.readFileSync(key)))
  }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split('\t')
    try {
      await COMMANDS[command](...words)
      process.stdout.write('ok\n')
    } catch (problem) {
      process.stdout.write(`no\t${String(problem.message || JSON.stringify(problem)).replace(/\s+/g, ' ')}\n`)
    }
  }
}

main()
