BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'old');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'dashboard:1:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(2,1,'dashboard:1:note_str:0','"**The best trial when it ended**\n\n- score: 0.75\n- size: 10\n- attempt 1, job vm:2364:1795626924 on vm\n\nThe last lines of its log:\n\n    submitit INFO (2026-11-25 17:15:26,624) - Job completed successfully\n    submitit INFO (2026-11-25 17:15:26,625) - Exiting after successful completion"');
INSERT INTO "study_system_attributes" VALUES(3,1,'dashboard:2:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(4,1,'dashboard:2:note_str:0','"**The best trial when it ended**\n\n- score: 2.7\n- size: 10\n- attempt 1, job vm:2368:1795626926 on vm\n\nThe last lines of its log:\n\n    submitit INFO (2026-11-25 17:15:29,272) - Job completed successfully\n    submitit INFO (2026-11-25 17:15:29,273) - Exiting after successful completion"');
INSERT INTO "study_system_attributes" VALUES(5,1,'dashboard:4:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(6,1,'dashboard:4:note_str:0','"**Failed: error**\n\n- attempt 1, job vm:2380:1795626932 on vm\n\nThe last lines of its log:\n\n    Traceback (most recent call last):\n      File \"@CODE@/sweep/execution/worker.py\", line 178, in run_attempt\n        metrics = plain_numbers(load_function(spec.train)(dict(spec.params), trial))\n                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n      File \"@WORKPLACE@/old_model.py\", line 12, in train\n        raise RuntimeError(\"the model has diverged\")\n    RuntimeError: the model has diverged\n    submitit INFO (2026-11-25 17:15:33,641) - Job completed successfully\n    submitit INFO (2026-11-25 17:15:33,641) - Exiting after successful completion"');
INSERT INTO "study_system_attributes" VALUES(7,1,'dashboard:6:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(8,1,'dashboard:6:note_str:0','"**The best trial when it ended**\n\n- score: 2.85\n- size: 10\n- attempt 1, job vm:2388:1795626935 on vm\n\nThe last lines of its log:\n\n    submitit INFO (2026-11-25 17:15:38,256) - Job completed successfully\n    submitit INFO (2026-11-25 17:15:38,256) - Exiting after successful completion"');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE sweep_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sweep_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sweep_alembic_version" VALUES('0003');
CREATE TABLE "sweep_attempts" (
	id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	token VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	cause VARCHAR(16), 
	error TEXT, 
	job_name VARCHAR(255), 
	job_id VARCHAR(255), 
	host VARCHAR(255), 
	gpu VARCHAR(255), 
	num_gpus INTEGER NOT NULL, 
	submitted_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	stop_requested_at DATETIME, 
	gpu_seconds DOUBLE NOT NULL, 
	metrics_offset INTEGER NOT NULL, 
	environment VARCHAR(64), 
	notes JSON NOT NULL, 
	job_size INTEGER NOT NULL, 
	job_ended_at DATETIME, 
	is_charged BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (trial_id, number), 
	FOREIGN KEY(trial_id) REFERENCES sweep_trials (id), 
	FOREIGN KEY(environment) REFERENCES sweep_environments (digest)
);
INSERT INTO "sweep_attempts" VALUES(1,1,1,'ab68ffc5','completed',NULL,NULL,'old-0-6d87a8b4.0','vm:2364:1795626924','vm',NULL,0,'2026-11-25 17:15:24.293121','2026-11-25 17:15:24.518999','2026-11-25 17:15:26.623446',NULL,0.0,281,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{"data_sha256": "abc"}',1,'2026-11-25 17:15:26.869326',1);
INSERT INTO "sweep_attempts" VALUES(2,2,1,'3a253865','completed',NULL,NULL,'old-1-a031817b.0','vm:2368:1795626926','vm',NULL,0,'2026-11-25 17:15:26.942749','2026-11-25 17:15:27.166626','2026-11-25 17:15:29.271559',NULL,0.0,278,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{"data_sha256": "abc"}',1,'2026-11-25 17:15:29.517825',1);
INSERT INTO "sweep_attempts" VALUES(3,3,1,'beac1837','failed','lost',NULL,'old-2-432fe1cf.0','vm:2372:1795626929','vm',NULL,0,'2026-11-25 17:15:29.587177','2026-11-25 17:15:29.831822','2026-11-25 17:15:30.615873',NULL,0.0,88,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{}',1,'2026-11-25 17:15:30.615778',1);
INSERT INTO "sweep_attempts" VALUES(4,3,2,'b6454fdc','pruned',NULL,NULL,'old-2-078b7f61.0','vm:2376:1795626930','vm',NULL,0,'2026-11-25 17:15:30.617072','2026-11-25 17:15:30.854749','2026-11-25 17:15:32.258765','2026-11-25 17:15:31.649664',0.0,277,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{}',1,'2026-11-25 17:15:32.665426',1);
INSERT INTO "sweep_attempts" VALUES(5,4,1,'eed199fa','failed','error','Traceback (most recent call last):
  File "@CODE@/sweep/execution/worker.py", line 178, in run_attempt
    metrics = plain_numbers(load_function(spec.train)(dict(spec.params), trial))
                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "@WORKPLACE@/old_model.py", line 12, in train
    raise RuntimeError("the model has diverged")
RuntimeError: the model has diverged
','old-3-eae797cc.0','vm:2380:1795626932','vm',NULL,0,'2026-11-25 17:15:32.702906','2026-11-25 17:15:32.937078','2026-11-25 17:15:33.640572',NULL,0.0,88,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{}',1,'2026-11-25 17:15:33.729181',1);
INSERT INTO "sweep_attempts" VALUES(6,5,1,'719dfc32','pruned',NULL,NULL,'old-4-030f76bf.0','vm:2384:1795626933','vm',NULL,0,'2026-11-25 17:15:33.782378','2026-11-25 17:15:34.023296','2026-11-25 17:15:35.426917','2026-11-25 17:15:34.816276',0.0,178,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{}',1,'2026-11-25 17:15:35.833508',1);
INSERT INTO "sweep_attempts" VALUES(7,6,1,'e9740f1d','completed',NULL,NULL,'old-5-9bdb2200.0','vm:2388:1795626935','vm',NULL,0,'2026-11-25 17:15:35.890601','2026-11-25 17:15:36.151343','2026-11-25 17:15:38.255458',NULL,0.0,294,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{"data_sha256": "abc"}',1,'2026-11-25 17:15:38.446371',1);
INSERT INTO "sweep_attempts" VALUES(8,7,1,'f721fb95','pruned',NULL,NULL,'old-6-95bce6ef.0','vm:2392:1795626938','vm',NULL,0,'2026-11-25 17:15:38.507536','2026-11-25 17:15:38.766141','2026-11-25 17:15:40.169159','2026-11-25 17:15:39.536203',0.0,204,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{}',1,'2026-11-25 17:15:40.550067',1);
INSERT INTO "sweep_attempts" VALUES(9,8,1,'2e9a30eb','running',NULL,NULL,'old-7-426b8951.0','vm:2442:1795626962','vm',NULL,0,'2026-11-25 17:16:02.879410','2026-11-25 17:16:03.131019',NULL,'2026-11-25 17:16:03.931799',0.0,104,'96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{}',1,NULL,0);
CREATE TABLE sweep_environments (
	digest VARCHAR(64) NOT NULL, 
	content JSON NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "sweep_environments" VALUES('96183541f7a9f8dce67275a4ebff5a8fb7182eb15f963b7d5031f4d43ab50346','{"python": "3.11.7", "packages": {"numpy": "2.4.0", "optuna": "5.0.0"}}');
CREATE TABLE sweep_epochs (
	trial_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	metric VARCHAR(128) NOT NULL, 
	value DOUBLE, 
	reported_at DATETIME NOT NULL, 
	PRIMARY KEY (trial_id, epoch, metric), 
	FOREIGN KEY(trial_id) REFERENCES sweep_trials (id)
);
INSERT INTO "sweep_epochs" VALUES(1,1,'score',0.25,'2026-11-25 17:15:25.221161');
INSERT INTO "sweep_epochs" VALUES(1,1,'loss',1.0,'2026-11-25 17:15:25.221161');
INSERT INTO "sweep_epochs" VALUES(1,2,'score',0.5,'2026-11-25 17:15:25.922040');
INSERT INTO "sweep_epochs" VALUES(1,2,'loss',0.5,'2026-11-25 17:15:25.922040');
INSERT INTO "sweep_epochs" VALUES(1,3,'score',0.75,'2026-11-25 17:15:26.622638');
INSERT INTO "sweep_epochs" VALUES(1,3,'loss',3.33333333333333314829e-01,'2026-11-25 17:15:26.622638');
INSERT INTO "sweep_epochs" VALUES(2,1,'score',0.9,'2026-11-25 17:15:27.868752');
INSERT INTO "sweep_epochs" VALUES(2,1,'loss',1.0,'2026-11-25 17:15:27.868752');
INSERT INTO "sweep_epochs" VALUES(2,2,'score',1.8,'2026-11-25 17:15:28.569746');
INSERT INTO "sweep_epochs" VALUES(2,2,'loss',0.5,'2026-11-25 17:15:28.569746');
INSERT INTO "sweep_epochs" VALUES(2,3,'score',2.7,'2026-11-25 17:15:29.270614');
INSERT INTO "sweep_epochs" VALUES(2,3,'loss',3.33333333333333314829e-01,'2026-11-25 17:15:29.270614');
INSERT INTO "sweep_epochs" VALUES(3,1,'score',0.5,'2026-11-25 17:15:30.534263');
INSERT INTO "sweep_epochs" VALUES(3,1,'loss',1.0,'2026-11-25 17:15:30.534263');
INSERT INTO "sweep_epochs" VALUES(3,2,'score',1.0,'2026-11-25 17:15:31.557820');
INSERT INTO "sweep_epochs" VALUES(3,2,'loss',0.5,'2026-11-25 17:15:31.557820');
INSERT INTO "sweep_epochs" VALUES(3,3,'score',1.5,'2026-11-25 17:15:32.258441');
INSERT INTO "sweep_epochs" VALUES(3,3,'loss',3.33333333333333314829e-01,'2026-11-25 17:15:32.258441');
INSERT INTO "sweep_epochs" VALUES(4,1,'score',0.75,'2026-11-25 17:15:33.639296');
INSERT INTO "sweep_epochs" VALUES(4,1,'loss',1.0,'2026-11-25 17:15:33.639296');
INSERT INTO "sweep_epochs" VALUES(5,1,'score',0.01,'2026-11-25 17:15:34.725610');
INSERT INTO "sweep_epochs" VALUES(5,1,'loss',1.0,'2026-11-25 17:15:34.725610');
INSERT INTO "sweep_epochs" VALUES(5,2,'score',0.02,'2026-11-25 17:15:35.426497');
INSERT INTO "sweep_epochs" VALUES(5,2,'loss',0.5,'2026-11-25 17:15:35.426497');
INSERT INTO "sweep_epochs" VALUES(6,1,'score',0.95,'2026-11-25 17:15:36.853376');
INSERT INTO "sweep_epochs" VALUES(6,1,'loss',1.0,'2026-11-25 17:15:36.853376');
INSERT INTO "sweep_epochs" VALUES(6,2,'score',1.9,'2026-11-25 17:15:37.554044');
INSERT INTO "sweep_epochs" VALUES(6,2,'loss',0.5,'2026-11-25 17:15:37.554044');
INSERT INTO "sweep_epochs" VALUES(6,3,'score',2.84999999999999964472e+00,'2026-11-25 17:15:38.254762');
INSERT INTO "sweep_epochs" VALUES(6,3,'loss',3.33333333333333314829e-01,'2026-11-25 17:15:38.254762');
INSERT INTO "sweep_epochs" VALUES(7,1,'score',5.48813503927324752851e-01,'2026-11-25 17:15:39.468099');
INSERT INTO "sweep_epochs" VALUES(7,1,'loss',1.0,'2026-11-25 17:15:39.468099');
INSERT INTO "sweep_epochs" VALUES(7,2,'score',1.0976270078546495057e+00,'2026-11-25 17:15:40.168774');
INSERT INTO "sweep_epochs" VALUES(7,2,'loss',0.5,'2026-11-25 17:15:40.168774');
INSERT INTO "sweep_epochs" VALUES(8,1,'score',7.63082893739571721525e-02,'2026-11-25 17:16:03.834232');
INSERT INTO "sweep_epochs" VALUES(8,1,'loss',1.0,'2026-11-25 17:16:03.834232');
CREATE TABLE sweep_final_metrics (
	trial_id INTEGER NOT NULL, 
	metric VARCHAR(128) NOT NULL, 
	value DOUBLE, 
	PRIMARY KEY (trial_id, metric), 
	FOREIGN KEY(trial_id) REFERENCES sweep_trials (id)
);
INSERT INTO "sweep_final_metrics" VALUES(1,'size',10.0);
INSERT INTO "sweep_final_metrics" VALUES(2,'size',10.0);
INSERT INTO "sweep_final_metrics" VALUES(6,'size',10.0);
CREATE TABLE sweep_studies (
	id INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	definition JSON NOT NULL, 
	provenance JSON NOT NULL, 
	workdir TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	launcher VARCHAR(255), 
	launcher_seen_at DATETIME, cluster VARCHAR(255), stop VARCHAR(16), 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "sweep_studies" VALUES(1,'old','{"name": "old", "train": "old_model:train", "evaluate": "old_model:evaluate", "prepare": null, "dataset": null, "data_dir": null, "metric": "score", "direction": "maximize", "trials": 8, "parallel": 1, "space": {"x": {"type": "float", "low": 0.0, "high": 1.0, "step": null, "log": false}}, "fixed": {}, "enqueue": [{"x": 0.25}, {"x": 0.9}, {"x": 0.5}, {"x": 0.75}, {"x": 0.01}, {"x": 0.95}], "sampler": {"name": "tpe", "seed": 0, "startup_trials": 10, "multivariate": true, "constant_liar": true}, "pruner": {"name": "median", "startup_trials": 1, "warmup_epochs": 0, "every_epochs": 1}, "budget": {"gpu_hours": null, "hours": null}, "failures": {"retries": {"preempted": 5, "node_failure": 3, "timeout": 2, "out_of_memory": 1, "launch_failure": 1, "lost": 2, "error": 0}, "stop_after_same": 3, "memory_factor": 1.0}, "dry_run": {"trials": 2, "params": {}}}','{"command": "sweep launch --study old", "code_dir": "@WORKPLACE@", "git_commit": null, "git_dirty": null, "data_sha256": null, "host": "vm", "python": "3.11.7", "capsweep": "0.1.0"}','@WORKPLACE@/sweeps','2026-11-25 17:15:24.118659','vm 2415 c8663bec','2026-11-25 17:16:03.905643','local',NULL);
CREATE TABLE sweep_trials (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	optuna_trial_id INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	folder TEXT NOT NULL, retry_requested BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study_id) REFERENCES sweep_studies (id), 
	UNIQUE (study_id, number)
);
INSERT INTO "sweep_trials" VALUES(1,1,0,1,0,'@WORKPLACE@/sweeps/old/00000',0);
INSERT INTO "sweep_trials" VALUES(2,1,1,2,1,'@WORKPLACE@/sweeps/old/00001',0);
INSERT INTO "sweep_trials" VALUES(3,1,2,3,2,'@WORKPLACE@/sweeps/old/00002',0);
INSERT INTO "sweep_trials" VALUES(4,1,3,4,3,'@WORKPLACE@/sweeps/old/00003',0);
INSERT INTO "sweep_trials" VALUES(5,1,4,5,4,'@WORKPLACE@/sweeps/old/00004',0);
INSERT INTO "sweep_trials" VALUES(6,1,5,6,5,'@WORKPLACE@/sweeps/old/00005',0);
INSERT INTO "sweep_trials" VALUES(7,1,6,7,6,'@WORKPLACE@/sweeps/old/00006',0);
INSERT INTO "sweep_trials" VALUES(8,1,7,8,7,'@WORKPLACE@/sweeps/old/00007',0);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,0.25,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,2,0.5,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,3,0.75,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,1,0.9,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,2,1.8,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,3,2.7,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,3,1,0.5,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,3,2,1.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,3,1.5,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,4,1,0.75,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,5,1,0.01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,5,2,0.02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,6,1,0.95,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,6,2,1.9,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,6,3,2.84999999999999964472e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,7,1,5.48813503927324752851e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,7,2,1.0976270078546495057e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,8,1,7.63082893739571721525e-02,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'x',0.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(2,2,'x',0.9,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(3,3,'x',0.5,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(4,4,'x',0.75,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(5,5,'x',0.01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(6,6,'x',0.95,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(7,7,'x',5.48813503927324752851e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(8,8,'x',7.63082893739571721525e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"x": 0.25}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"x": 0.9}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"x": 0.5}');
INSERT INTO "trial_system_attributes" VALUES(4,4,'fixed_params','{"x": 0.75}');
INSERT INTO "trial_system_attributes" VALUES(5,5,'fixed_params','{"x": 0.01}');
INSERT INTO "trial_system_attributes" VALUES(6,6,'fixed_params','{"x": 0.95}');
INSERT INTO "trial_system_attributes" VALUES(7,1,'artifacts:c662750e-076a-4b7c-a9b5-31c7b510a4ce','"{\"artifact_id\": \"c662750e-076a-4b7c-a9b5-31c7b510a4ce\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(8,1,'artifacts:e168070e-ed21-4afe-a194-40808fcc149d','"{\"artifact_id\": \"e168070e-ed21-4afe-a194-40808fcc149d\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(9,2,'artifacts:ae8d74f8-b889-407e-b725-7ec6f2df92c9','"{\"artifact_id\": \"ae8d74f8-b889-407e-b725-7ec6f2df92c9\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(10,2,'artifacts:c09c4e60-3a30-4690-9d71-84067761948d','"{\"artifact_id\": \"c09c4e60-3a30-4690-9d71-84067761948d\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(11,3,'artifacts:5b19f870-c3e7-42f8-a40b-abfe7872aa1a','"{\"artifact_id\": \"5b19f870-c3e7-42f8-a40b-abfe7872aa1a\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(12,3,'artifacts:62dbe175-ad41-43d3-989f-2c4bebacb1f0','"{\"artifact_id\": \"62dbe175-ad41-43d3-989f-2c4bebacb1f0\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(13,4,'artifacts:44c0b206-64df-4997-b9ce-a219cd1f3c0b','"{\"artifact_id\": \"44c0b206-64df-4997-b9ce-a219cd1f3c0b\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(14,4,'artifacts:1b808961-a66f-42da-9bea-09b5229daf4a','"{\"artifact_id\": \"1b808961-a66f-42da-9bea-09b5229daf4a\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(15,5,'artifacts:ac4428cf-a207-4b31-a300-d8cd36f6ddaf','"{\"artifact_id\": \"ac4428cf-a207-4b31-a300-d8cd36f6ddaf\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(16,5,'artifacts:b35b4460-2fc2-4259-a66e-41e86fcf0fb5','"{\"artifact_id\": \"b35b4460-2fc2-4259-a66e-41e86fcf0fb5\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(17,6,'artifacts:59404aa1-2f8f-47d4-a6dd-986541084214','"{\"artifact_id\": \"59404aa1-2f8f-47d4-a6dd-986541084214\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(18,6,'artifacts:5d3ed6ef-3e21-4380-99d2-692f00af4b1a','"{\"artifact_id\": \"5d3ed6ef-3e21-4380-99d2-692f00af4b1a\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(19,7,'artifacts:353aee5b-a2a2-44c4-a1fb-4e5b7e38175b','"{\"artifact_id\": \"353aee5b-a2a2-44c4-a1fb-4e5b7e38175b\", \"filename\": \"log.txt\", \"mimetype\": \"text/plain\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(20,7,'artifacts:45cb61b5-971d-4552-949a-36d59f74dfea','"{\"artifact_id\": \"45cb61b5-971d-4552-949a-36d59f74dfea\", \"filename\": \"learning_curves.svg\", \"mimetype\": \"image/svg+xml\", \"encoding\": null}"');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'enqueued','0');
INSERT INTO "trial_user_attributes" VALUES(2,2,'enqueued','1');
INSERT INTO "trial_user_attributes" VALUES(3,3,'enqueued','2');
INSERT INTO "trial_user_attributes" VALUES(4,4,'enqueued','3');
INSERT INTO "trial_user_attributes" VALUES(5,5,'enqueued','4');
INSERT INTO "trial_user_attributes" VALUES(6,6,'enqueued','5');
INSERT INTO "trial_user_attributes" VALUES(7,1,'attempts','1');
INSERT INTO "trial_user_attributes" VALUES(8,1,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(9,1,'seed','0');
INSERT INTO "trial_user_attributes" VALUES(10,1,'folder','"@WORKPLACE@/sweeps/old/00000"');
INSERT INTO "trial_user_attributes" VALUES(11,1,'size','10.0');
INSERT INTO "trial_user_attributes" VALUES(12,2,'attempts','1');
INSERT INTO "trial_user_attributes" VALUES(13,2,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(14,2,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(15,2,'folder','"@WORKPLACE@/sweeps/old/00001"');
INSERT INTO "trial_user_attributes" VALUES(16,2,'size','10.0');
INSERT INTO "trial_user_attributes" VALUES(17,3,'attempts','2');
INSERT INTO "trial_user_attributes" VALUES(18,3,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(19,3,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(20,3,'folder','"@WORKPLACE@/sweeps/old/00002"');
INSERT INTO "trial_user_attributes" VALUES(21,4,'attempts','1');
INSERT INTO "trial_user_attributes" VALUES(22,4,'cause','"error"');
INSERT INTO "trial_user_attributes" VALUES(23,4,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(24,4,'seed','3');
INSERT INTO "trial_user_attributes" VALUES(25,4,'folder','"@WORKPLACE@/sweeps/old/00003"');
INSERT INTO "trial_user_attributes" VALUES(26,5,'attempts','1');
INSERT INTO "trial_user_attributes" VALUES(27,5,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(28,5,'seed','4');
INSERT INTO "trial_user_attributes" VALUES(29,5,'folder','"@WORKPLACE@/sweeps/old/00004"');
INSERT INTO "trial_user_attributes" VALUES(30,6,'attempts','1');
INSERT INTO "trial_user_attributes" VALUES(31,6,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(32,6,'seed','5');
INSERT INTO "trial_user_attributes" VALUES(33,6,'folder','"@WORKPLACE@/sweeps/old/00005"');
INSERT INTO "trial_user_attributes" VALUES(34,6,'size','10.0');
INSERT INTO "trial_user_attributes" VALUES(35,7,'attempts','1');
INSERT INTO "trial_user_attributes" VALUES(36,7,'host','"vm"');
INSERT INTO "trial_user_attributes" VALUES(37,7,'seed','6');
INSERT INTO "trial_user_attributes" VALUES(38,7,'folder','"@WORKPLACE@/sweeps/old/00006"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.75,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,2.7,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,1.5,'FINITE');
INSERT INTO "trial_values" VALUES(4,5,0,0.02,'FINITE');
INSERT INTO "trial_values" VALUES(5,6,0,2.84999999999999964472e+00,'FINITE');
INSERT INTO "trial_values" VALUES(6,7,0,1.0976270078546495057e+00,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-25 17:15:24.283294','2026-11-25 17:15:26.910286');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-25 17:15:26.934630','2026-11-25 17:15:29.554929');
INSERT INTO "trials" VALUES(3,2,1,'PRUNED','2026-11-25 17:15:29.578292','2026-11-25 17:15:32.684119');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-25 17:15:32.696946','2026-11-25 17:15:33.761829');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-25 17:15:33.775794','2026-11-25 17:15:35.860341');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-25 17:15:35.880497','2026-11-25 17:15:38.470450');
INSERT INTO "trials" VALUES(7,6,1,'PRUNED','2026-11-25 17:15:38.493980','2026-11-25 17:15:40.565661');
INSERT INTO "trials" VALUES(8,7,1,'RUNNING','2026-11-25 17:16:02.854191',NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE INDEX ix_sweep_attempts_state ON sweep_attempts (state);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
