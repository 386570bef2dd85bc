BEGIN TRANSACTION;
CREATE TABLE acknowledgments (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	about TEXT NOT NULL, 
	set_control TEXT NOT NULL, 
	status TEXT NOT NULL, 
	words TEXT NOT NULL
);
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE audit (
	seq INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	event TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	document_id TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "audit" VALUES(1,'2026-11-26T00:01:04.111311+00:00','rules.loaded','','','','gateway','{"rules":"14d98bb317a6f9704883d234dce8c150ddb31450d96dd2bae880a310ba7fd926","files":{"mappings/erp/csv_invoice.test.yaml":"e4cb63c7b2ec52558697f4388ae2ecd410113dd3226c807f9c461976a7a6fbed","mappings/erp/csv_invoice.yaml":"93212f286ce47b6a996ec2142a848c37963022f7448ce52ee763153cd79d9f7b","mappings/erp/csv_order.test.yaml":"67a58625358ba752d5f4de33ea4f9e4b2dc8d6c7f87f08dc838b6acec59c96b1","mappings/erp/csv_order.yaml":"8d0cc374d9e25baea9243a3dccfcf104a01f4613eb37deae9d48fb8a7fa3f29e","mappings/erp/csv_ship_notice.test.yaml":"57ac81f5f3c7dfcc8589d6c1b976803556e86b21f12973d3f653daee4a8a88f6","mappings/erp/csv_ship_notice.yaml":"fa291cf62581640c81219cbe83ffea0ba697bba5d965f998f4ae0e3be57c0a92","mappings/erp/flat_order.test.yaml":"815e5eb784e7191250d3040ef642f73b3d49c48660ea2ceaa2d3d69b5595c741","mappings/erp/flat_order.yaml":"9bacae1e984a967c4d893451d1acc25e1321b8ffc14caa2f467c39178f2be2a1","mappings/erp/own_json_order.test.yaml":"2a05892cfb9bd04d8f63c431162763f527e85ef86f976323f945aa9cb2ca9d5f","mappings/erp/own_json_order.yaml":"cea80cb945d62213904dbdd9679c7ee6f32dc7c0d14edc9175cea66d22baf4b2","mappings/partners/amazon-us/810.004010.test.yaml":"a2c1c92da8c64fb112c6a4fad9c6403cf1dfa7a4e27f2964f968bd3d8229f8e8","mappings/partners/amazon-us/810.004010.yaml":"fbc8b83659237d5d1e336cf752332caf76c838fa6a09bd4d68a021ca12e12f3e","mappings/partners/amazon-us/820.004010.test.yaml":"e4a0c061064ee275304f1cc2e94ff0956f9d34f62071738ea2ddbfb884ffe58d","mappings/partners/amazon-us/820.004010.yaml":"457c3a9bb9f17ea49ce0d31120bad0666d0e18a3884e8fc57176dc9786e0b931","mappings/partners/amazon-us/846.004010.test.yaml":"f0b8de8cf62a2d4c644beadcfd31f09b0d44aa602f7bb6f6003b17584ecfeaa8","mappings/partners/amazon-us/846.004010.yaml":"b0add710fd2bc458e0073f3685447b727da036481e3524f30301b9d6fad9838b","mappings/partners/amazon-us/850.004010.test.yaml":"377f9f72d1933674b0dc95c741d73efd2075e1b2e1c77a610c21ad476c0a88a0","mappings/partners/amazon-us/850.004010.yaml":"e2be82cf04e49277ee82dea579945a6aa901133645b99e14281bbe26bf4296c4","mappings/partners/amazon-us/855.004010.test.yaml":"03e0a342cb4cc9508cb5ceef20582586aa6144bc2769e7b4282c48173925825d","mappings/partners/amazon-us/855.004010.yaml":"107e5fe75dca731d33cbb8e051db30265fea1bc0f9220307d5083e9461ff96f3","mappings/partners/amazon-us/856.005010.test.yaml":"eb65933a8fd66d58daa9566ac1eadba5c3e31ba05547c2e95b368ebcc090d118","mappings/partners/amazon-us/856.005010.yaml":"440d8d3596a6c703490e7a247385a45a71f60253c43588080dc14d290a25b249","mappings/partners/vics-department-store/810.004010.test.yaml":"99b2107a2bbfb781885e64033c9fd49c763e5056820846d1d659dc15e5f120db","mappings/partners/vics-department-store/810.004010.yaml":"cfff63fa7ce5a5a0ea25e965ba4a0bab22488c66526eae1b9895ca538a4b94a2","mappings/partners/vics-department-store/850.004010.test.yaml":"9467e1bf7d8dc2263e88e7c23bcd4f119eb36cf8b2b5357531ddb6c2560f3398","mappings/partners/vics-department-store/850.004010.yaml":"8750807109dbf4c2ab120616f20da5b3deb4868f2a2179904a6db28c488554b7","mappings/partners/vics-department-store/856.004010.test.yaml":"e613a59057c8c78941531dcbdafebb981968f4ac5bb11fc206438123e4af02a2","mappings/partners/vics-department-store/856.004010.yaml":"d77f3391649270e8b2927bdb19b7baa5d97dd3b62280a92937c008135c80ec48","mappings/x12/004010/810.yaml":"c824b895b94f082cbe21b0df2bfb0993675946396121331aee7692df8b438f8e","mappings/x12/004010/820.test.yaml":"4371807ede3d69747503c26d3276261e25a4ecfa0a08e8c4d550cc196ca80b84","mappings/x12/004010/820.yaml":"b85541a0c9b78adfe424c4c77cb66904b5d466d33ea414002c4744c318a8e36e","mappings/x12/004010/824.test.yaml":"054f5b8f3c4175132fd09e55fcfeff8a032dbc400f749df4195e8f0b6d6c5595","mappings/x12/004010/824.yaml":"c5cabdc008b4aa31ff95de99aa594496d40c695bdacef6124dd69b587fb481fa","mappings/x12/004010/846.test.yaml":"e863946bb4aab5b47cb67e70eaaeaffa5d5a9b09c95a749cadb5961d1b96910b","mappings/x12/004010/846.yaml":"6f2b2baff3bac31fcfc7a26ba73ceeb7986be03b8f274b42d2fcc71584bf4d21","mappings/x12/004010/850.yaml":"3c685aae90d70b415c2d1a62f3ffdcf0991f8402e66c108e84eb1e9f9bb92f76","mappings/x12/004010/855.yaml":"05d5d560d9a8b432fcba03e0f948017a19033ec3912d12620cc65a526c12bc10","mappings/x12/004010/856.test.yaml":"378426eb6d9bb46a5f623233b10f69920bea0b3180d923392c9d2ea2cd9a1206","mappings/x12/004010/856.yaml":"dbfbfab8ca66fdd05ab92433f8b63df4e565de506c8d1416090c61930a8ad823","mappings/x12/004010/860.yaml":"6a7747704132dfd496bce7f2084c355fd528de6ffccef2e7655d82c0c0c3d07b","mappings/x12/004010/864.test.yaml":"5a8453d17d62c98a8f8fb1834b3170522bf26d942b074c0545343380818bae33","mappings/x12/004010/864.yaml":"c1bc94dd8910ce30597385a2832f20e1be68db41a11120468e1a082042b847ba","mappings/x12/004010/865.yaml":"9a6c354207e24ab22a9617b29850729113481126b0d4d6c2b1c355bcfd0a61d3","mappings/x12/004010/997.yaml":"6f2850b7456be84309d23fe51014da7c565a414462b037890415ff79c77bfdd9","mappings/x12/004010/TA1.yaml":"d2602ffef187e0c31c46dfce1075afddfb4d353ee0ace19b9b3c3da7df9ebee8","mappings/x12/005010/810.yaml":"c6eff1c83caa64a80e85a943b595222aac210aa325dbf98ece48c1e25cb47151","mappings/x12/005010/820.yaml":"89f7bcdc16012f06d4da0abb816d41e5d469f8ff6b51f6e0772dd37a5f143c01","mappings/x12/005010/824.test.yaml":"a8d397d93918302aa49ef6ec589d956183c8d8d529d72aa18393f1d566a90c07","mappings/x12/005010/824.yaml":"69259615966962a1acdd36dc40b5d7ad903805d921a650004379a845cc2348c4","mappings/x12/005010/846.yaml":"7c589993899555efff01599a3fa685999ffd11dd1290aad3f766982aae13ac5c","mappings/x12/005010/850.yaml":"14e4806ab5122371ac6d0d8493620c528f6c07f527238df531fca4e62435ad45","mappings/x12/005010/855.yaml":"3f8647f5139eaea62a040950d78eb365df296452f7cd909498e0f82df69cb72a","mappings/x12/005010/856.yaml":"9e5858112d03e148c34ae653a79c51a4365e1238ff08f2ca8e19fbc0e4bd49f1","mappings/x12/005010/860.yaml":"8d358de4e59970d2bce28b2cefebedaacb53bf2b90a9d1da01460d9a2fccb067","mappings/x12/005010/864.yaml":"521ad46d89a2307470140d222e09898373547415401748e0744f4e80a98f4b09","mappings/x12/005010/865.yaml":"37ba97b973419374c357d61e23fbd7da2bcd3e5a5e981344548a715911ea0a37","mappings/x12/005010/997.yaml":"76f21759dcbb383e424a64dc3b6f8d1a19893faf8a9bf1aa2dcd86f39d7555ae","mappings/x12/005010/999.yaml":"32220e450b474c6c982ff2f5efde0886c3915eac252b09e7d113e1e095fb8c3d","mappings/x12/blocks.yaml":"a18c83f9f1f5e45044b29d7ce0a459b4ff730085d0b87a348baf464cb4e1e4a8","schemas/documents/application_advice.schema.json":"e5aadf5fd237b8a87f1a1eebbdf844f3b3e26b7c73a0b8d23473827c3629174c","schemas/documents/functional_acknowledgment.schema.json":"11152d653c56397068dd33f8ea4a16f85e04faf1002f3d1a04229bf4b542ea5f","schemas/documents/inventory_advice.schema.json":"11cc754f66ca840fd9c0bf90a453eba5b0894aa7bb85934b628c99f8981690c0","schemas/documents/invoice.schema.json":"e0874bf04eb983e2da48fd5215be6122a763620562cb585fbdd715b8b1e6b673","schemas/documents/purchase_order.schema.json":"2d7d94c0086e6c5300eaa75a93e501f5de241894019772e0bb116d3cd6bdc413","schemas/documents/purchase_order_acknowledgment.schema.json":"9d46428765b6eaa644af68ec21f43fa1aee72e635d5a9057343e1af13b8a4010","schemas/documents/purchase_order_change.schema.json":"b1e0c4204e595106e9f2002c9dc616d20f0c7033319fa4eab342cc1faec9b98a","schemas/documents/purchase_order_change_acknowledgment.schema.json":"de9dcc4e6856cd10bfd4435c18a8496d37e3661a1b2a0d96252d96abd6a97445","schemas/documents/remittance_advice.schema.json":"59cd62405d45b66d05acd7ff37f4e07b2dbe092f3f106dae5823806f42effcae","schemas/documents/ship_notice.schema.json":"55abfb6bb4e442f3fcaaa69591e60d55d63200eb7d93edcd485123ce13bd3333","schemas/documents/text_message.schema.json":"55794ec6b97eef2c57c7821b609945aba0af285684f9f048ea80f56328bb2158","schemas/partners/amazon-us/810.004010.xml":"a1af60fb9a6ef6edf5fdf5bd031e57340b7821d758a9fa8361d9b9039c8c83af","schemas/partners/amazon-us/820.004010.xml":"92cf6d150dbcced3b9cb5f889a7043504b9b43486fd6c4101b0da6a45f6ba2d5","schemas/partners/amazon-us/846.004010.xml":"7730f43605a0e33c37fa0dada4e566e03ba5c72e755b90be1135b07cfc1dbed3","schemas/partners/amazon-us/850.004010.xml":"474e3ad0e548dc1278ecd258d50b4ced1b9511abb94425cb37e1ed72e2de73e8","schemas/partners/amazon-us/855.004010.xml":"30d4f54de62741b7b7bab6e79b5953c65b05d4c11e2f56f8a319c5a70c683e09","schemas/partners/amazon-us/856.005010.xml":"a9928bb327c13ebc14a48123f5631b62ec013e781bab9052f2d9a8d49b6d7f9f","schemas/partners/vics-department-store/810.004010.xml":"3a51657952284ae8310d5a0305b1152ac8db2c8988b7525b1297e35d42c9405c","schemas/partners/vics-department-store/850.004010.xml":"4d1b4f5214073c97f4b6080c03ecc78007da835d39f714eeeb1bb353709ba260","schemas/partners/vics-department-store/856.004010.xml":"4ee964bd261a1d0d54e4a3c3a1f15c1146d57697b5703d02a902f4fe596a9bc1","schemas/x12/004010/810.004010.xml":"6ef0511561ee429592c632eb3a6832c0e69c54a666065f06f85437e39c565438","schemas/x12/004010/820.004010.xml":"e77e219102796439bd88a5375f03e85d6b9864d232511db7118c94a1e6259c6d","schemas/x12/004010/824.004010.xml":"9a42f516c7b5cd354b6280da0fd0439558bfb20eb538f96f3b611d1cf31803b5","schemas/x12/004010/846.004010.xml":"25cf420d20cf1661eae42486088b167e2eb8a18cea8ae76ace97c5c0a61ebead","schemas/x12/004010/850.004010.xml":"4a017d6a4ebada11c836ff26834ffc123024b42b1df7fb3ac87c2b11f00368c4","schemas/x12/004010/855.004010.xml":"f6190de3cfe1980ae50152d64dfecd4b5c8ed8c70d22ee0916f967f41a5c3552","schemas/x12/004010/856.004010.xml":"c98513ba69e28aa43e9e166159e438737598299586f0038f39513e9c8e88434d","schemas/x12/004010/860.004010.xml":"171719d8deab4cb42c1bb246c615b2dca0c8a2da5134a2f1c583b3f366ba80bc","schemas/x12/004010/864.004010.xml":"52d85611e1643c68dcaada482268c6c6488f01a7f35b15916a465521ce44deca","schemas/x12/004010/865.004010.xml":"8168e8ef047c3cc2b29de215b35859235847d0967f78abf4216a15593eac879f","schemas/x12/004010/997.004010.xml":"936ac2bbb21e824081d6f7e2cfd34f52ba244d40b23a7de40bf6e770eefa0770","schemas/x12/004010/codes.xml":"de2d2f16ef75b924e0ecbd17ed67411db90982a49d438703f204a9430fbebd5f","schemas/x12/004010/dataele.xml":"3c9e23ee7226c32791d57d973ac0ce6ac18da500c2a0f05030c7626a156190e7","schemas/x12/004010/maps.xml":"f07c25ec4a4c771f4343c88555d9712d75228744988ca6693c1ddef1ff9c74cb","schemas/x12/004010/x12.control.00401.xml":"bd9a16171ae9ef33228325582ff1f23aec572ad46b7133186994ab7209868c3a","schemas/x12/004010/x12.control.00501.xml":"015adb0c723338719f9e2cbe8dc439342321341044f037e91943488c41ea5bdb","schemas/x12/005010/810.005010.xml":"bb08e88e8c146a682923d0475246fd7bc55891d3924577529da36402bd2a9781","schemas/x12/005010/820.005010.xml":"a5883bff08597acce0fa36284e96a15d75cf48c85b839feefe967fad2fca0e49","schemas/x12/005010/824.005010.xml":"25f36a51ba62939e5a5da1ba264a89b4155d2b4d3d9dc8726118dfe4db45f749","schemas/x12/005010/846.005010.xml":"14da51f9c89ecbfa827c1fa8085b106a603cf0dd2361a1058d0796bffb2e415b","schemas/x12/005010/850.005010.xml":"8e0e78796ae8c22670af7ccd983961fe784e8dd5d73c3736a61612bca20ab34a","schemas/x12/005010/855.005010.xml":"bd13e72082bbcd855b94af45652c26920ca2fc2824073a36aa5fd2e9dc97a321","schemas/x12/005010/856.005010.xml":"bdb4b5fd8bee58e89259f4539bb2dbc30be2f26554b1910f012c18049a398daa","schemas/x12/005010/860.005010.xml":"e229ef04e66bea7c92764946449eb6860054648a674012c65146d9c34bc01481","schemas/x12/005010/864.005010.xml":"317ed4ebf25c554ba4b8c6c92e3f9aa1552773ce563e7f5e41a9ea02c1bde414","schemas/x12/005010/865.005010.xml":"f96c5c1b317d8599d8e0d2cca66cc447819af5aef7767446023b8d28e3ccadc9","schemas/x12/005010/997.005010.xml":"607e1d2b55a4f5757381b4045de80cdc17a9909fc905148f733db9a70b61b378","schemas/x12/005010/999.005010.xml":"008b7b568bcc20294c306f6aaac4e7e499e5efb53ac7e5db05f3184ee9174943","schemas/x12/005010/codes.xml":"a1de148db8ca24fd72e1ce83073d51532ca43b95b76c13ae605b3a7b729f4b88","schemas/x12/005010/dataele.xml":"15d8e257ccd81631d2427240c3418cddd95301d7d75425c04dd54cb331688c0a","schemas/x12/005010/maps.xml":"44d68e30c9f903bdc2f2a23d790a58c35f5e0aa4bd18cc84e175b399e8da5508","schemas/x12/005010/x12.control.00401.xml":"04f9202b53af8613458301f375b67b690636e079af1581ec3b64a788a3838801","schemas/x12/005010/x12.control.00501.xml":"d54bcf0026e27d34219a3408973b646df9df01a0d3ebe1efcc7dee1547d46e92","schemas/xml/application_advice.xsd":"ab728855c8a83d883eca2575c59b6ea75e002bb8c4304aabfc11599b131d8438","schemas/xml/functional_acknowledgment.xsd":"5c3187f9ff8d43e42173289446fb84089fe693c5623d1acd95c20da6ccd8f658","schemas/xml/inventory_advice.xsd":"e5e4a22b98767d4cacf7e63eced4329c20fee117ab397f524f2dc9a3b433c4b5","schemas/xml/invoice.xsd":"4f57ec76d7769f70bdb94b310232917898d1738fe6c112f826327bffb16cef31","schemas/xml/purchase_order.xsd":"f2f0faf4e92eb5626deca6b5685b668543ef87a0caf21094e23f4e61be8801b6","schemas/xml/purchase_order_acknowledgment.xsd":"158b0c1dca32f3819ea81cad765871c63b79c81b871db565ab428ac21b22b134","schemas/xml/purchase_order_change.xsd":"4cb4dceaf02a9b60de9a4b1f758034ec1353dec1b243a48aed7dc759c7110e2d","schemas/xml/purchase_order_change_acknowledgment.xsd":"1f62ed8965878abfe2c685a971e92d5d6571b1762a0c02bad6fcaf03c60c69e5","schemas/xml/remittance_advice.xsd":"f005d529886457fbd5a30b52b98cd5bc5824f1799dd01633a890692020f114ce","schemas/xml/ship_notice.xsd":"49d4c048ec978c285878ac20bd3723b692ef62683a9832b8d27f297b505baf23","schemas/xml/text_message.xsd":"b4713371b38d3db9dd97cdf3797319427a8933c964834eb436f9b36c892ae4ba","gateway.yaml":"800db5a83f4ea1d263dd899d6a1f3a53842c4e0b76060d73a3e5494e908b0fff","partners/acme-retail.yaml":"1116383929e9deb5da83d51e490a26cda45ce7288183b7787dc5429664969aca"}}','ec9524abffc29666a62d51ff55db1ba685edcb4cfc6e18edbaab9d52f41f18f5');
INSERT INTO "audit" VALUES(2,'2026-11-26T00:01:04.123905+00:00','file.received','20261126T000104120575-7265f637','','','gateway','{"channel":"acme-retail","file":"orders-1001.edi","bytes":548,"sha256":"5c7cd5bef0fe4a28413e4a91be4f1267c0923c4b3537c484a8bd772e43c05c93"}','5ffc00af7761cae92340c029f294976cbf2d06e8c0b3682b5347395815f583aa');
INSERT INTO "audit" VALUES(3,'2026-11-26T00:01:04.246094+00:00','document.created','20261126T000104120575-7265f637','95e4a50a-fca5-41ce-aa5b-788349181951','acme-retail','gateway','{"partner":"acme-retail","document_type":"purchase_order","number":"7KX2M41Q","test":false,"sha256":"832109ebacd41f3d46b939d73282767a023d224a4ecfb96dcc796405b44fbd3e","control_number":"000001001","file":"purchase_order_7KX2M41Q_95e4a50a.json"}','3f4ad2f27c4509682bd939e45caca42dc45656f5740c98e88675e48cd87e363f');
INSERT INTO "audit" VALUES(4,'2026-11-26T00:01:04.248373+00:00','acknowledgment.written','8291056c-a416-491f-8e98-c474853b54d1','','acme-retail','gateway','{"partner":"acme-retail","kind":"997","file":"997_1.edi","words":"group 1001 accepted (1)","answers":"20261126T000104120575-7265f637","sha256":"77399c7bd59a2c08d1f1f39e0ce97d9b8ae710a81f5b54df1d0998f51798e1a4"}','00c639df532ba5ae7c462800f2190cf49303f7c987327d30bd3d8f31032f627e');
INSERT INTO "audit" VALUES(5,'2026-11-26T00:01:04.249211+00:00','message.translated','20261126T000104120575-7265f637','','acme-retail','gateway','{"partner":"acme-retail","file":"orders-1001.edi","status":"translated","rules":"14d98bb317a6f9704883d234dce8c150ddb31450d96dd2bae880a310ba7fd926","verdict":"accepted","errors":0,"remarks":[]}','71b0db1115f84b04203c75bfb3e0a2b0061444102f3e3bcbd56bdfe01810e7ab');
INSERT INTO "audit" VALUES(6,'2026-11-26T00:01:04.258999+00:00','file.delivered','20261126T000104120575-7265f637','95e4a50a-fca5-41ce-aa5b-788349181951','','gateway','{"channel":"erp","box":"outbox","file":"purchase_order_7KX2M41Q_95e4a50a.json"}','d5e80f029d7d9fb5cd2ed4c008997ef49f1026afd7032a637cfb90bbb7eafe46');
INSERT INTO "audit" VALUES(7,'2026-11-26T00:01:04.262845+00:00','file.delivered','8291056c-a416-491f-8e98-c474853b54d1','','','gateway','{"channel":"acme-retail","box":"outbox","file":"997_1.edi","sha256":"77399c7bd59a2c08d1f1f39e0ce97d9b8ae710a81f5b54df1d0998f51798e1a4"}','264438e38fa1501c9fe56fe5c4741fbd3f69af32764740496a631bce942b0f48');
INSERT INTO "audit" VALUES(8,'2026-11-26T00:01:04.302809+00:00','file.received','20261126T000104300105-d0fcf467','','','gateway','{"channel":"erp","file":"ack.json","bytes":801,"sha256":"2c9ac83917cde57eb4a83ef64b2277b5c6ac82a754dea642857d3a9135e2c6f2"}','94a7aac3818903b89a1c022ae4fa80bdf5d740685f60c045447293f29e31c137');
INSERT INTO "audit" VALUES(9,'2026-11-26T00:01:04.363627+00:00','interchange.written','f2e0ce3d-9a5e-471e-9315-ffd6122085c3','c270909a-9c23-416c-bec7-652ab546de9b','acme-retail','gateway','{"partner":"acme-retail","document_type":"purchase_order_acknowledgment","number":"7KX2M41Q","test":false,"sha256":"5fac68e48a15144d4de79bed0f88a74b478c970352cb27820c2d68f02429bd52","control_number":"2","file":"855_7KX2M41Q_2.edi","made_from":"20261126T000104300105-d0fcf467","payload":"124c82c46be31a49582fe159951b3e4b28c4be897eedcfc8bb2c453a25289e61"}','6803b5503fa8967914f0a5bd7040a8a4a47c9265cc9b2646c374d7455afd6b79');
INSERT INTO "audit" VALUES(10,'2026-11-26T00:01:04.364575+00:00','message.translated','20261126T000104300105-d0fcf467','','acme-retail','gateway','{"partner":"acme-retail","file":"ack.json","status":"translated","rules":"14d98bb317a6f9704883d234dce8c150ddb31450d96dd2bae880a310ba7fd926","verdict":"accepted","errors":0,"remarks":[]}','73c8a8ea46dc1c6ed49ca5729ae7c3dc60be159de6030eb1a49b2cfbf0e0b90c');
INSERT INTO "audit" VALUES(11,'2026-11-26T00:01:04.372465+00:00','delivery.delayed','','','','gateway','{"channel":"acme-retail","files":1,"error":"No such file or directory"}','d73b83d86de2da6d26b659c29ae12d11577fdbcb12cb927148ae3b4cbdd742c1');
CREATE TABLE audit_head (
	one INTEGER NOT NULL, 
	seq BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	at TEXT NOT NULL, 
	signature TEXT NOT NULL, 
	public_key TEXT NOT NULL, 
	PRIMARY KEY (one)
);
INSERT INTO "audit_head" VALUES(1,11,'d73b83d86de2da6d26b659c29ae12d11577fdbcb12cb927148ae3b4cbdd742c1','2026-11-26T00:01:04.372465+00:00','1e33aa44fa868cd997fe4cae035b332977e302f6c58d062913a7ff6e650bb9ad0ee70c5e0732f189cdf49b32d90c928b96d171da2953560fb03a73770a6f530b','ebef6ad681b8ff8b1c3c279daead8af9b3eddcbfaf22588d2b2b77f0013156f3');
CREATE TABLE checkpoints (
	seq INTEGER NOT NULL, 
	hash TEXT NOT NULL, 
	at TEXT NOT NULL, 
	signature TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE TABLE control_numbers (
	partner TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (partner, kind)
);
INSERT INTO "control_numbers" VALUES('acme-retail','interchange',2);
INSERT INTO "control_numbers" VALUES('acme-retail','group',1);
CREATE TABLE deliveries (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	box TEXT NOT NULL, 
	wanted TEXT NOT NULL, 
	name TEXT, 
	payload TEXT, 
	document_id TEXT, 
	state TEXT NOT NULL, 
	token TEXT NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	error TEXT NOT NULL, 
	planned_at TEXT NOT NULL, 
	at TEXT NOT NULL, 
	CONSTRAINT deliveries_name UNIQUE (channel, box, name)
);
INSERT INTO "deliveries" VALUES(1,'20261126T000104120575-7265f637','20261126T000104120575-7265f637','erp','outbox','purchase_order_7KX2M41Q_95e4a50a.json','purchase_order_7KX2M41Q_95e4a50a.json',NULL,'95e4a50a-fca5-41ce-aa5b-788349181951','delivered','09926614',0,'','2026-11-26T00:01:04.245978+00:00','2026-11-26T00:01:04.258421+00:00');
INSERT INTO "deliveries" VALUES(2,'8291056c-a416-491f-8e98-c474853b54d1','20261126T000104120575-7265f637','acme-retail','outbox','997_1.edi','997_1.edi','77399c7bd59a2c08d1f1f39e0ce97d9b8ae710a81f5b54df1d0998f51798e1a4',NULL,'delivered','48a46049',0,'','2026-11-26T00:01:04.248361+00:00','2026-11-26T00:01:04.262528+00:00');
INSERT INTO "deliveries" VALUES(3,'f2e0ce3d-9a5e-471e-9315-ffd6122085c3','20261126T000104300105-d0fcf467','acme-retail','outbox','855_7KX2M41Q_2.edi',NULL,'124c82c46be31a49582fe159951b3e4b28c4be897eedcfc8bb2c453a25289e61',NULL,'pending','',1,'No such file or directory','2026-11-26T00:01:04.363533+00:00','2026-11-26T00:01:04.371903+00:00');
CREATE TABLE document_keys (
	value TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	document_id TEXT NOT NULL, 
	PRIMARY KEY (value, kind, partner, document_id)
)
 WITHOUT ROWID

;
INSERT INTO "document_keys" VALUES('7KX2M41Q','po','acme-retail','95e4a50a-fca5-41ce-aa5b-788349181951');
INSERT INTO "document_keys" VALUES('7KX2M41Q','po','acme-retail','c270909a-9c23-416c-bec7-652ab546de9b');
CREATE TABLE documents (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	direction TEXT NOT NULL, 
	partner TEXT NOT NULL, 
	document_type TEXT NOT NULL, 
	number TEXT NOT NULL, 
	test BOOLEAN NOT NULL, 
	set_control TEXT NOT NULL, 
	body BLOB, 
	sha256 TEXT NOT NULL, 
	sent_in TEXT, 
	acknowledgment TEXT NOT NULL, 
	batch TEXT, 
	created_at TEXT NOT NULL, 
	UNIQUE (id)
);
INSERT INTO "documents" VALUES(1,'95e4a50a-fca5-41ce-aa5b-788349181951','20261126T000104120575-7265f637','in','acme-retail','purchase_order','7KX2M41Q',0,'0001',X'7801A5555D6FDB36147DCFAF20F45CA5FA8CE5BD7901931AF147662B6DD06110688AB689C9A44A5229BC22FF7D9794642B75B1619D11C00179EFB9E79E7B2EFDED0A21AF94B43930610A73AC99F70BF2EA46D13DD1AC90AA64CA7B678334DDB303295E98D25C0A1B15B617A76C5EDAD371CA129206C4DF5292FA4948994F48BAF147591627E3300BC769975813650453459B47E881F98A19C2AB16171808C12A8B797167983670B12595668E1D95C2286983BF0159A0CB8561B609B1731D05F613C29FC386FB9D924D6DB187874611A109355D8336A58F1FF41D040940F5179A09AB515F18A0BF34A4E25BEE0EBDCF9FBB40CBC90934B99DE315CE27D399E7A8BEDA06E05631CA3894F90F50F879327F9CE1F5D3E3E36C8A576FF15C87C5899E37A8DB556C230675BD1F003A7A5E2D0BD11C366D4FA387E7689E84BFB9CEAC596AA99DCA52F11D17A41B20E4F486526CD754A4739233152B0B6247E8454174E307B11F442D9C625BA698A04CC3EDEF4E9A76A420510F5732EB1D6BD9B3B82FA46A1C8987697EFB012F3A3100E00FE710C5BE34E01AA85BB2CAEA7CFC8E4078D3F503D0FC47D5C15FAE80DEF3BA30F25C5A9083BBB00AA376B4E8EE6976379DCDF12247ABC5323907F3B270ABE43236CD11168068CD778295C3202BCDDB4452968A69AB4AAF0728527131A06A7D04871918172D96ABFC03FA385DDD4F17D3095AE72B8CF356141BE444B1FF403CE5E6E8EAE1C5F2C401CEB521C6D15C7C1C1EC3B40DA90A2A4B77998DD3A095AE87930D2CA3437C5AF7155F5BAF9FC6F19678DF91EBA710D2B2E9570F88D48A53566C88E6B67D8F11BA3F1182ADFA4E130873EFD3AFC16DF880F37C169F8201EB05F655AA42FFD95828FCEC3FE47E383AD16C5703E2608B856985E9D9D9ECDE6561D4BF004EC2461E1CDCE412A811DC14AE038818409183D5C96685D975125C26964C53C5EBFE355AE718CF906B08A3F07A84DEBE1F3DF250C276A51CC19F9770FE74BF4E9EFF51C2F9BD1F24970DFC8B84D1792B40D94EC1DB9F52300EAF611ECE6208750F2A605E28B85CE04F931546B627B4C6395ADEA18EB83568FB521809F63E7BAA159476C38A20CC15F014F97A1AA8A7F7244A6FEC30533AA265BA61DB600B3F84519684317C8FC30D4BB6617433A2C1388A69B289D37844932C21D9A61C8D2296C43448E9B8F7AA57494AFAD1D7E4584952EAF7297DFFFFD0AF777F59995EAF5EAFFE069A4FFC27','832109ebacd41f3d46b939d73282767a023d224a4ecfb96dcc796405b44fbd3e',NULL,'not_expected',NULL,'2026-11-26T00:01:04.245911+00:00');
INSERT INTO "documents" VALUES(2,'c270909a-9c23-416c-bec7-652ab546de9b','20261126T000104300105-d0fcf467','out','acme-retail','purchase_order_acknowledgment','7KX2M41Q',0,'1',X'78019D8F4F6B023110C5BF4BCEAEECAE4B2DDE5A110FD643A905A14848934183BB996DFE5844F6BB77A66A9122160A3984F7DE3CDEEF2082DE40A3E40E7CB0E8C44814A2275AE5A3032FAD2141E906320F51D99AADE45B0C403A7ABBB64EB16850A7065C9471DFB24521BD5101247A43354A6F1D7ED660D61CE212942E35EFE0293B9C2DCB79553C934CB97383D21ADA08E6A89EAEC14815E9A4CCCBBB2C1FD023BBB60E8218BD1DBE7FD2210598C11A520F4205CB548FF9B8984D168B273ED98133E865D8267226CB6CB6C88AA1E87A22391B65EBAD26083A6D30D15CAABBEF5739FB1F49B968E3FEC845EB28B5537562E6A2CCA93A61C39D0F9CF6105A74E1B44EA3E1D805D8B9ED564BB7EA7A9764E555B2F9EBF4A55A5E219B4FB3BCBA413628FA34FB0FB2B2FA011BFF1BEC570971ADBA2F5559CCFD','5fac68e48a15144d4de79bed0f88a74b478c970352cb27820c2d68f02429bd52','f2e0ce3d-9a5e-471e-9315-ffd6122085c3','waiting',NULL,'2026-11-26T00:01:04.308468+00:00');
CREATE TABLE expectations (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	due_at TEXT NOT NULL, 
	state TEXT NOT NULL
);
INSERT INTO "expectations" VALUES(1,'acknowledgment','f2e0ce3d-9a5e-471e-9315-ffd6122085c3','2026-11-27T00:01:04.363430+00:00','open');
CREATE TABLE idempotency (
	scope TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	result TEXT NOT NULL, 
	at TEXT NOT NULL, 
	PRIMARY KEY (scope, "key")
);
INSERT INTO "idempotency" VALUES('rules','14d98bb317a6f9704883d234dce8c150ddb31450d96dd2bae880a310ba7fd926','','','2026-11-26T00:01:04.110842+00:00');
CREATE TABLE jobs (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" TEXT NOT NULL, 
	due_at TEXT NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	worker TEXT
);
INSERT INTO "jobs" VALUES(3,'message:20261126T000104300105-d0fcf467','2026-11-26T00:01:05.372383+00:00',0,NULL);
CREATE TABLE legal_holds (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind TEXT NOT NULL, 
	value TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	at TEXT NOT NULL, 
	released_at TEXT
);
CREATE TABLE messages (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	direction TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	name TEXT NOT NULL, 
	payload TEXT, 
	size BIGINT NOT NULL, 
	created_at TEXT NOT NULL, 
	translation TEXT NOT NULL, 
	delivery TEXT NOT NULL, 
	acknowledgment TEXT NOT NULL, 
	partner TEXT, 
	interchange TEXT, 
	"group" TEXT, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	origin TEXT, 
	hold TEXT NOT NULL, 
	answers BOOLEAN DEFAULT true NOT NULL, 
	erased_at TEXT, 
	UNIQUE (id)
);
INSERT INTO "messages" VALUES(1,'20261126T000104120575-7265f637','in','acme-retail','orders-1001.edi','5c7cd5bef0fe4a28413e4a91be4f1267c0923c4b3537c484a8bd772e43c05c93',548,'2026-11-26T00:01:04.122354+00:00','translated','delivered','not_expected','acme-retail','1001',NULL,0,NULL,'',1,NULL);
INSERT INTO "messages" VALUES(2,'8291056c-a416-491f-8e98-c474853b54d1','out','acme-retail','997_1.edi','77399c7bd59a2c08d1f1f39e0ce97d9b8ae710a81f5b54df1d0998f51798e1a4',262,'2026-11-26T00:01:04.248290+00:00','written','delivered','not_expected','acme-retail','1',NULL,0,'20261126T000104120575-7265f637','',1,NULL);
INSERT INTO "messages" VALUES(3,'20261126T000104300105-d0fcf467','in','erp','ack.json','2c9ac83917cde57eb4a83ef64b2277b5c6ac82a754dea642857d3a9135e2c6f2',801,'2026-11-26T00:01:04.301290+00:00','translated','not_expected','not_expected','acme-retail',NULL,NULL,0,NULL,'',1,NULL);
INSERT INTO "messages" VALUES(4,'f2e0ce3d-9a5e-471e-9315-ffd6122085c3','out','acme-retail','855_7KX2M41Q_2.edi','124c82c46be31a49582fe159951b3e4b28c4be897eedcfc8bb2c453a25289e61',361,'2026-11-26T00:01:04.363430+00:00','written','waiting','waiting','acme-retail','2','1',0,'20261126T000104300105-d0fcf467','',1,NULL);
CREATE TABLE seen (
	"key" TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID

;
INSERT INTO "seen" VALUES('content:acme-retail:5c7cd5bef0fe4a28413e4a91be4f1267c0923c4b3537c484a8bd772e43c05c93','20261126T000104120575-7265f637');
INSERT INTO "seen" VALUES('interchange:ZZ/ACMERETAIL|ZZ/EXAMPLESUPPLIER|P|000001001','20261126T000104120575-7265f637');
INSERT INTO "seen" VALUES('number:acme-retail:purchase_order:7KX2M41Q:P','20261126T000104120575-7265f637');
INSERT INTO "seen" VALUES('sent-content:acme-retail|purchase_order_acknowledgment|7KX2M41Q|P|c4bf53ddf395c39f093de8ceaa3732b4576fff6e60aeb36c476e7c549cf10294','20261126T000104300105-d0fcf467');
CREATE TABLE workers (
	id TEXT NOT NULL, 
	beat BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX messages_name ON messages (seq, name);
CREATE INDEX messages_person ON messages (seq) WHERE translation = 'failed' OR delivery = 'failed';
CREATE INDEX messages_partner ON messages (partner, seq);
CREATE INDEX messages_control ON messages (interchange);
CREATE INDEX messages_open ON messages (seq) WHERE translation = 'received';
CREATE INDEX messages_origin ON messages (origin);
CREATE INDEX messages_group ON messages ("group");
CREATE INDEX messages_payload ON messages (payload);
CREATE INDEX messages_created ON messages (created_at);
CREATE INDEX documents_sent ON documents (sent_in, set_control);
CREATE INDEX documents_batch ON documents (batch) WHERE batch IS NOT NULL;
CREATE INDEX documents_list ON documents (seq, partner, document_type, direction, acknowledgment, created_at);
CREATE INDEX documents_message ON documents (message_id);
CREATE INDEX document_keys_document ON document_keys (document_id);
CREATE INDEX deliveries_message ON deliveries (message_id);
CREATE INDEX deliveries_wanted ON deliveries (channel, box, wanted);
CREATE INDEX deliveries_owner ON deliveries (owner);
CREATE INDEX deliveries_open ON deliveries (owner) WHERE state IN ('pending', 'sending');
CREATE INDEX acknowledgments_about ON acknowledgments (about);
CREATE INDEX expectations_message ON expectations (message_id);
CREATE INDEX expectations_open ON expectations (due_at) WHERE state = 'open';
CREATE INDEX idempotency_at ON idempotency (at);
CREATE INDEX audit_document ON audit (document_id);
CREATE INDEX audit_message ON audit (message_id);
CREATE INDEX jobs_key ON jobs ("key");
CREATE INDEX jobs_due ON jobs (worker, due_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('messages',4);
INSERT INTO "sqlite_sequence" VALUES('jobs',3);
INSERT INTO "sqlite_sequence" VALUES('deliveries',3);
INSERT INTO "sqlite_sequence" VALUES('documents',2);
INSERT INTO "sqlite_sequence" VALUES('expectations',1);
COMMIT;
