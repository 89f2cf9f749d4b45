package v1

import "github.com/daytwo/daytwo/api/recording"

// Recording describes a piece of the recording of a session.
type Recording recording.Info

// Recordings is the document of GET /api/v1/recordings, newest first.
type Recordings struct {
	Recordings []Recording `json:"recordings"`
	More       string      `json:"more,omitempty"` // parameter after of the rest
}

// RecordingMatch is a line of a recording.
type RecordingMatch recording.Match

// RecordingMatches is the document of GET /api/v1/recordings/matches.
type RecordingMatches struct {
	Matches   []RecordingMatch `json:"matches"`
	Encrypted int              `json:"encrypted,omitempty"` // recordings that were not searched
	Failed    int              `json:"failed,omitempty"`    // recordings that could not be read to their end
	More      string           `json:"more,omitempty"`      // parameter after of the rest
}
