// A real OpenID provider on loopback, for tests: `node server.js PORT SECRET REDIRECT_URI`.
// Anybody logs in with any password; the groups of somebody are what stands after "+" in the name.
import Provider from "oidc-provider";

const [port, secret, redirect] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "edigw", client_secret: secret, redirect_uris: [redirect] }],
  claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true, methods: ["S256"] },
  cookies: { keys: ["a key of a test"] },
  findAccount: (context, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, preferred_username: id.split("+")[0], groups: id.split("+").slice(1) }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
