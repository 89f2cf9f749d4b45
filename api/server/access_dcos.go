package server

import "github.com/daytwo/daytwo/api/auth/policy"

// DC/OS' routes of metrics and logs are there for the relay's own agent and for each other
// one, whose address leads through Admin Router.
const (
	thisAgent = "/system/v1"
	anyAgent  = "/system/v1/agent/{agent}"
)

const (
	executorLog = "/framework/{framework}/executor/{executor}/container/{container}"
	taskFiles   = "/task/frameworks/{framework}/executors/{executor}/runs/{container}"
)

func init() {
	for _, prefix := range []string{thisAgent, anyAgent} {
		metrics, logs := may(policy.Read, policy.SystemMetrics), may(policy.Read, policy.SystemLogs).audit()
		if prefix == anyAgent {
			metrics = through(policy.SystemAgent, policy.SystemMetrics)
			logs = through(policy.SystemAgent, policy.SystemLogs).audit()
		}
		for _, path := range []string{
			"/ping", "/node", "/containers", "/containers/{id}", "/containers/{id}/app", "/containers/{id}/app/{metric}",
		} {
			needs["GET "+prefix+"/metrics/v0"+path] = metrics
		}
		for _, path := range []string{
			"/v1/range", "/v1/stream", "/v1/range/download",
			"/v1/range" + executorLog, "/v1/stream" + executorLog, "/v1/range" + executorLog + "/download",
			"/v1/fields/{field}", "/v2/component", "/v2/component/{unit}",
			"/v2" + taskFiles + "/{file}", "/v2" + taskFiles + "/{file}/download", "/v2" + taskFiles + "/files/browse",
			"/v2" + taskFiles + "/tasks/{task}/{file}", "/v2" + taskFiles + "/tasks/{task}/{file}/download",
			"/v2" + taskFiles + "/tasks/{task}/files/browse",
		} {
			needs["GET "+prefix+"/logs"+path] = logs
		}
	}
	for _, path := range []string{
		"/system/v1/leader/{leader}/logs/v2/component", "/system/v1/leader/{leader}/logs/v2/component/{unit}",
		"/system/v1/logs/v2/task/{task}", "/system/v1/logs/v2/task/{task}/file/{file}",
		"/system/v1/logs/v2/task/{task}/browse",
		"/system/v1/logs/v2/task/{task}/download", "/system/v1/logs/v2/task/{task}/file/{file}/download",
	} {
		needs["GET "+path] = may(policy.Read, policy.SystemLogs).audit()
	}
	for _, prefix := range []string{"/slave", "/agent"} {
		for _, path := range []string{"browse", "read", "download", "debug"} {
			needs["GET "+prefix+"/{agent}/files/"+path] = through(policy.OpsSlave, policy.Sandbox).audit()
			needs["GET "+prefix+"/{agent}/files/"+path+".json"] = through(policy.OpsSlave, policy.Sandbox).audit()
		}
	}
}
